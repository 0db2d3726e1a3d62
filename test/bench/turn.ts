// `npm run bench:turn [-- --rounds N]`: what Holdfast adds to a prompt. Three ways to the same CLI with the same
// demo model, in turn within each round: through the whole system, straight into the pipe of a warm CLI, and a
// CLI started for each prompt.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { makeDataDir, startDemoModel, startGateway, startWorker } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { brief, median, quantile } from './numbers.ts';
import type { Report } from './report.ts';
import { runBench, type Bench } from './run-bench.ts';
import { BareCli, makeCliPlace, type CliPlace, type TurnTimes } from './turn/cli.ts';
import { SystemClient, type PromptTimes } from './turn/system.ts';

const PROMPT = '[[say The three files are in place, and all of their tests pass now.]]';
/** Rounds before the measured ones: code is compiled, caches are filled, as in a service that has run for minutes. */
const WARM_UP_ROUNDS = 10;
/** The CLI does some work after a turn; it is over by then. */
const SETTLE_MS = 250;

const Options = z.object({ rounds: z.coerce.number().int().min(1).max(1_000) });

interface Ways {
  readonly system: SystemClient;
  readonly pipe: BareCli;
  readonly spawnPlace: CliPlace;
  readonly spawnConversation: string;
}

interface Samples {
  readonly system: PromptTimes[];
  readonly pipe: TurnTimes[];
  readonly spawn: TurnTimes[];
}

await runBench('bench:turn', async (bench) => {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '24' } } });
  const { rounds } = Options.parse(values);
  const ways = await openWays(bench);
  const samples: Samples = { system: [], pipe: [], spawn: [] };
  const discarded: Samples = { system: [], pipe: [], spawn: [] };
  const run = async (into: Samples, round: number): Promise<void> => runRound({ bench, ways, into, round });
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) await run(discarded, round);
  for (let round = 0; round < rounds; round += 1) {
    if (round % 5 === 0) bench.report.round(`round ${round + 1} of ${rounds}`);
    await run(samples, round);
  }
  tell(bench.report, samples);
});

async function openWays(bench: Bench): Promise<Ways> {
  const dir = await bench.own(makeDataDir());
  const redis = await bench.own(startRedis());
  const demoModel = await bench.own(startDemoModel());
  const gateway = await bench.own(startGateway({ redis, dataDir: dir.path }));
  await bench.own(startWorker({ redis, dataDir: dir.path, demoModel }));
  const system = await bench.own(SystemClient.open(gateway));
  const pipePlace = await makeCliPlace(join(dir.path, 'pipe'), demoModel.url);
  const conversation = { cliSessionId: randomUUID(), resume: false };
  const pipe = await bench.own(Promise.resolve(new BareCli(pipePlace, conversation)));
  const spawnPlace = await makeCliPlace(join(dir.path, 'spawn'), demoModel.url);
  const spawnConversation = randomUUID();
  const first = await bench.own(
    Promise.resolve(new BareCli(spawnPlace, { cliSessionId: spawnConversation, resume: false })),
  );
  await first.prompt(PROMPT);
  await first.finish();
  return { system, pipe, spawnPlace, spawnConversation };
}

/** One prompt each; which comes first changes from round to round. */
async function runRound(input: {
  readonly bench: Bench;
  readonly ways: Ways;
  readonly into: Samples;
  readonly round: number;
}): Promise<void> {
  const { bench, ways, into, round } = input;
  const steps = [
    async () => void into.system.push(await ways.system.prompt(PROMPT)),
    async () => void into.pipe.push(await ways.pipe.prompt(PROMPT)),
    async () => void into.spawn.push(await spawnAndPrompt(bench, ways)),
  ];
  for (let index = 0; index < steps.length; index += 1) {
    await pause(SETTLE_MS);
    await steps[(index + round) % steps.length]?.();
  }
}

async function spawnAndPrompt(bench: Bench, ways: Ways): Promise<TurnTimes> {
  const startedAt = performance.now();
  const cli = await bench.own(
    Promise.resolve(new BareCli(ways.spawnPlace, { cliSessionId: ways.spawnConversation, resume: true })),
  );
  const times = await cli.prompt(PROMPT, startedAt);
  await cli.finish();
  await bench.release(cli);
  return times;
}

function tell(report: Report, samples: Samples): void {
  const system = samples.system.map((times) => times.endedAt - times.sentAt);
  const pipe = samples.pipe.map((times) => times.resultAt - times.startedAt);
  const spawn = samples.spawn.map((times) => times.resultAt - times.startedAt);
  const row = (name: string, values: readonly number[]): (string | number)[] => {
    return [name, values.length, median(values), quantile(values, 0.95), Math.max(...values)];
  };
  report.table(
    ['ms from prompt to end', 'n', 'p50', 'p95', 'max'],
    [row('whole system', system), row('bare pipe, warm CLI', pipe), row('CLI spawned per prompt', spawn)],
  );
  tellSplit(report, samples);
  report.metric('warm_ms_p50', median(system));
  report.metric('bare_pipe_ms_p50', median(pipe));
  report.metric('spawn_ms_p50', median(spawn));
  report.metric('warm_over_bare', median(system) / median(pipe));
  report.metric('spawn_over_warm', median(spawn) / median(system));
}

/** Where the time goes, as the client and the pipe see it. */
function tellSplit(report: Report, samples: Samples): void {
  const at = (pick: (times: PromptTimes) => number): string =>
    brief(median(samples.system.map((times) => pick(times) - times.sentAt)));
  const pipeAt = (pick: (times: TurnTimes) => number): string =>
    brief(median(samples.pipe.map((times) => pick(times) - times.startedAt)));
  report.line(
    `whole system, ms after the prompt: ack ${at((t) => t.acknowledgedAt)}, prompt_queued ${at((t) => t.queuedAt)}, ` +
      `turn_started ${at((t) => t.startedAt)}, first delta ${at((t) => t.firstDeltaAt)}, turn_ended ${at((t) => t.endedAt)}`,
  );
  report.line(
    `bare pipe, ms after the write: first line ${pipeAt((t) => t.firstLineAt)}, first delta ${pipeAt((t) => t.firstDeltaAt)}, ` +
      `result ${pipeAt((t) => t.resultAt)}`,
  );
}
