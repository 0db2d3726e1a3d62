// Many attached connections against few, interleaved, and what an idle one costs the gateway.
import { brief, median, medianRatio } from '../../numbers.ts';
import { follow, makeSessions, memoryOf, openGateway, type Followers, type Stage } from '../stage.ts';
import { openWindow, type WindowResult } from '../windows.ts';

const FEW = 1_000;

/** Two gateways: one with 1,000 connections, one with many. The windows alternate between them. */
export async function runScale(stage: Stage): Promise<void> {
  const { bench, options, client } = stage;
  const few = await openGateway(stage);
  const many = await openGateway(stage);
  const fewFollowers = await follow(
    stage,
    { range: await makeSessions(stage, 'holdfast', FEW), gateway: few },
    1,
  );
  // The gateway has grown to its working size before its connections are weighed.
  const base = await follow(stage, { range: await makeSessions(stage, 'holdfast', FEW), gateway: many }, 1);
  await openWindow(stage, base, { rate: options.rate });
  const before = await memoryOf(many);
  const rest = await makeSessions(stage, 'holdfast', options.many - FEW);
  const manyFollowers = await follow(stage, { range: rest, gateway: many }, 1);
  const after = await memoryOf(many);
  const kib = (bytes: number): number => bytes / 1_024 / rest.count;
  const results = await alternate(stage, fewFollowers, manyFollowers);
  tell(stage, results);
  bench.report.line(
    `an attached idle connection: ${brief(kib(after.rss - before.rss))} KiB of gateway RSS, ` +
      `${brief(kib(after.heapUsed - before.heapUsed))} KiB of it heap ` +
      `(${brief(kib(after.uncollectedRss - before.uncollectedRss))} KiB before the garbage collection)`,
  );
  bench.report.metric('conn_idle_kib', kib(after.rss - before.rss));
  for (const { group } of [fewFollowers, base, manyFollowers]) await client.call('close', { group });
  await bench.release(few);
  await bench.release(many);
}

interface Results {
  readonly few: WindowResult[];
  readonly many: WindowResult[];
}

async function alternate(stage: Stage, few: Followers, many: Followers): Promise<Results> {
  const { options, bench } = stage;
  const results: Results = { few: [], many: [] };
  for (let round = 0; round <= options.rounds; round += 1) {
    bench.report.round(
      `${options.many} and ${FEW} attached, ${round === 0 ? 'warming up' : `round ${round}`}`,
    );
    const order = round % 2 === 0 ? (['few', 'many'] as const) : (['many', 'few'] as const);
    for (const name of order) {
      const result = await openWindow(stage, name === 'few' ? few : many, { rate: options.rate });
      if (round > 0) results[name].push(result);
    }
  }
  return results;
}

function tell(stage: Stage, { few, many }: Results): void {
  const { report } = stage.bench;
  const row = (name: string, results: WindowResult[]): (string | number)[] => {
    const of = (pick: (result: WindowResult) => number): number => median(results.map(pick));
    const parts = [
      of((r) => r.cost.worker),
      of((r) => r.cost.redis),
      of((r) => r.cost.gateway),
      of((r) => r.cost.sum),
    ];
    return [name, of((r) => r.p50Ms), of((r) => r.p99Ms), ...parts];
  };
  report.table(
    ['attached', 'p50 ms', 'p99 ms', 'worker µs', 'redis µs', 'gateway µs', 'sum µs'],
    [row(String(FEW), few), row(String(stage.options.many), many)],
  );
  const ratio = (pick: (result: WindowResult) => number): number =>
    medianRatio(many.map(pick), few.map(pick));
  report.metric(
    'p50_10k_over_1k',
    ratio((r) => r.p50Ms),
  );
  report.metric(
    'cpu_10k_over_1k',
    ratio((r) => r.cost.sum),
  );
}
