// `npm run bench:ownership [-- --quick]`: what losing a worker costs its sessions, how soon a command reaches the
// child and an abort ends a turn, what a person waits for after opening a session, and what idle sessions cost.
import { runBench } from './run-bench.ts';
import { readOptions, type Phase } from './ownership/options.ts';
import { runAbort } from './ownership/phases/abort.ts';
import { runCommand } from './ownership/phases/command.ts';
import { runIdle } from './ownership/phases/idle.ts';
import { runOpened } from './ownership/phases/opened.ts';
import { runTakeover } from './ownership/phases/takeover.ts';
import { openStage } from './ownership/stage.ts';

const STAGED = { takeover: runTakeover, abort: runAbort, command: runCommand, opened: runOpened } as const;

await runBench('bench:ownership', async (bench) => {
  const options = readOptions(process.argv.slice(2));
  const wanted = (phase: Phase): boolean => options.only === null || options.only.includes(phase);
  for (const phase of ['takeover', 'abort', 'command', 'opened'] as const) {
    if (wanted(phase)) await STAGED[phase](await openStage(bench, options));
  }
  if (wanted('idle')) await runIdle(bench, options);
});
