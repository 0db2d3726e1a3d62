// `npm run chaos [-- --seconds N] [--seed S]`: faults of many kinds against the whole system under load. Exits 1 when
// anything was lost, doubled, put out of order, run twice or silently changed, or when too little was done to tell.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { runBench } from '../bench/run-bench.ts';
import { runChaos } from './run.ts';

const Options = z.object({
  seconds: z.coerce.number().int().min(10).max(86_400),
  seed: z.coerce
    .number()
    .int()
    .min(0)
    .max(2 ** 31),
});

/** What a minute must hold for its verdict to mean something. */
const PER_MINUTE = { faults_injected: 20, events_acknowledged: 50_000 } as const;
const LEAST_KINDS = 8;

await runBench('chaos', async ({ report, own }) => {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    },
  });
  const { seconds, seed } = Options.parse(values);
  const { verdict, faults, acknowledged, toolsRunTwice, promptsAccepted } = await runChaos({
    ...{ seconds, seed, own },
    say: (line) => report.line(line),
  });
  for (const problem of verdict.problems) report.line(`PROBLEM ${problem}`);
  const { stats } = verdict;
  report.line(
    `${promptsAccepted} prompts accepted, ${stats.turns} turns, ${stats.delivered} events delivered ` +
      `(${stats.merged} merged frames), resets ${JSON.stringify(stats.resets)}, ${stats.abandoned} events given up openly`,
  );
  const share = seconds / 60;
  report.atLeast('faults_injected', Math.floor(PER_MINUTE.faults_injected * share));
  report.atLeast('fault_kinds', Math.min(LEAST_KINDS, Math.floor(PER_MINUTE.faults_injected * share)));
  report.atLeast('events_acknowledged', Math.floor(PER_MINUTE.events_acknowledged * share));
  report.count('faults_injected', faults.length);
  report.count('fault_kinds', new Set(faults).size);
  report.count('events_acknowledged', acknowledged);
  report.count('lost', verdict.lost);
  report.count('duplicated', verdict.duplicated);
  report.count('reordered', verdict.reordered);
  report.count('diverged_silently', verdict.divergedSilently);
  report.count('prompts_run_twice', verdict.promptsRunTwice + toolsRunTwice);
  const misses = report.misses();
  const isGood = misses.length === 0;
  const verdictLine = isGood ? 'nothing was lost, doubled or out of order' : `FAILED by ${misses.join(', ')}`;
  report.line(`seed ${seed}: ${verdictLine}`);
  if (!isGood) process.exitCode = 1;
});
