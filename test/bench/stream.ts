// `npm run bench:stream [-- --quick] [--peers]`: from the append in the worker to the client's socket, against bare
// ws + pub/sub in the same run; then many connections, a reconnect storm, faults, and idle sessions.
import { readFileSync } from 'node:fs';
import { runBench, UsageError } from './run-bench.ts';
import { readOptions, type Options, type Phase } from './stream/options.ts';
import { runIdle } from './stream/phases/idle.ts';
import { runLive } from './stream/phases/live.ts';
import { runLoss } from './stream/phases/loss.ts';
import { runScale } from './stream/phases/scale.ts';
import { runStorm } from './stream/phases/storm.ts';
import { openStage } from './stream/stage.ts';

/** Each connection is a file in the gateway and in the clients' process; Node has raised its limit to what it may. */
function checkOpenFiles({ many, stormClients }: Options): void {
  const needed = Math.max(many + 1_000, stormClients) + 500;
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const allowed = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  if (allowed >= needed) return;
  throw new UsageError(
    `${needed} open files per process are needed and ${allowed} are allowed: raise "ulimit -n", or lower --many and --storm-clients.`,
  );
}

await runBench('bench:stream', async (bench) => {
  const options = readOptions(process.argv.slice(2));
  checkOpenFiles(options);
  const wanted = (phase: Phase): boolean => options.only === null || options.only.includes(phase);
  const stage = await openStage(bench, options);
  bench.report.line(
    `${options.rate} events/s of ${options.size} B over ${options.active} of ${options.sessions} attached sessions, ` +
      `Redis over loopback TCP, append-only file: ${options.aof}, for all lanes alike`,
  );
  bench.report.count('lost', 0);
  bench.report.count('duplicated', 0);
  if (wanted('live')) await runLive(stage);
  if (wanted('scale')) await runScale(stage);
  if (wanted('storm')) await runStorm(stage);
  if (wanted('loss')) await runLoss(stage);
  if (wanted('idle')) await runIdle(stage);
});
