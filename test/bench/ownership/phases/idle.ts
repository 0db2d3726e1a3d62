// What idle sessions cost Redis: commands per second of the same system with and without them.
import type { Bench } from '../../run-bench.ts';
import { measureIdleCost } from '../idle-cost.ts';
import type { Options } from '../options.ts';

export async function runIdle(bench: Bench, options: Options): Promise<void> {
  const { idleSessions: sessions, idleWindowMs: windowMs } = options;
  bench.report.round(`${sessions} idle sessions against none, ${windowMs / 1_000} s each`);
  const cost = await measureIdleCost({ sessions, windowMs });
  bench.report.table(
    ['Redis commands per second', ''],
    [
      ['without sessions', cost.without],
      [`with ${sessions} idle ones`, cost.with],
    ],
  );
  bench.report.line(`  calls more or fewer, by command: ${JSON.stringify(cost.changes)}`);
  bench.report.metric('idle_redis_ops_per_s', cost.with - cost.without);
}
