// Latency, CPU and saturation against the limit line (and the peers), interleaved; then a higher rate on its own.
import { median, medianRatio } from '../../numbers.ts';
import {
  follow,
  makeSessions,
  openGateway,
  openPeerGateway,
  type Followers,
  type GatewayProcess,
  type Stage,
} from '../stage.ts';
import type { Lane } from '../types.ts';
import { openWindow, saturatedWindow, type WindowResult } from '../windows.ts';

const HIGH_RATE = 10_000;
/** Sessions of the high rate each get as many events per second as those of the default load. */
const EVENTS_PER_ACTIVE = 40;

/** The results of one lane, round by round. */
type Rounds = Map<Lane, WindowResult[]>;

export async function runLive(stage: Stage): Promise<void> {
  const { bench, options, limit } = stage;
  const gateway = await openGateway(stage);
  const lanes: Followers[] = [];
  const peers: [Lane, GatewayProcess][] = options.peers
    ? [
        ['socketio', await openPeerGateway(stage, 'socketio')],
        ['resumable', await openPeerGateway(stage, 'resumable')],
      ]
    : [];
  const gateways: [Lane, GatewayProcess][] = [['limit', limit], ['holdfast', gateway], ...peers];
  for (const [lane, at] of gateways) {
    const range = await makeSessions(stage, lane, options.sessions);
    lanes.push(await follow(stage, { range, gateway: at }));
  }
  const open = await interleaved(stage, lanes, {
    what: `${options.rate} events/s`,
    window: async (followers) => openWindow(stage, followers, { rate: options.rate }),
  });
  tellOpen(stage, open);
  const saturated = await interleaved(stage, lanes, {
    what: 'saturated',
    window: async (followers) => saturatedWindow(stage, followers),
  });
  tellSaturated(stage, saturated);
  const own = lanes.find(({ range }) => range.lane === 'holdfast');
  if (own !== undefined) await runHighRate(stage, own);
  for (const { group } of lanes) await stage.client.call('close', { group });
  await bench.release(gateway);
}

/** Every round drives all lanes, beginning with another one each time; the first round warms up and is not kept. */
async function interleaved(
  stage: Stage,
  lanes: readonly Followers[],
  run: { readonly what: string; readonly window: (followers: Followers) => Promise<WindowResult> },
): Promise<Rounds> {
  const rounds: Rounds = new Map(lanes.map(({ range }) => [range.lane, []]));
  for (let round = 0; round <= stage.options.rounds; round += 1) {
    stage.bench.report.round(`${run.what}, ${round === 0 ? 'warming up' : `round ${round}`}`);
    for (let index = 0; index < lanes.length; index += 1) {
      const followers = lanes[(index + round) % lanes.length];
      if (followers === undefined) continue;
      const result = await run.window(followers);
      if (round > 0) rounds.get(followers.range.lane)?.push(result);
    }
  }
  return rounds;
}

function tellOpen(stage: Stage, rounds: Rounds): void {
  const { report } = stage.bench;
  report.table(
    [
      'lane',
      'p50 ms',
      'p99 ms',
      'p99.9 ms',
      'worker µs',
      'redis µs',
      'gateway µs',
      'sum µs',
      'lost',
      'twice',
    ],
    [...rounds].map(([lane, results]) => [
      lane,
      ...[of(results, (r) => r.p50Ms), of(results, (r) => r.p99Ms), of(results, (r) => r.p999Ms)],
      ...costCells(results),
      ...faultCells(results),
    ]),
  );
  const own = rounds.get('holdfast') ?? [];
  report.metric(
    'live_2k_p50_ms',
    of(own, (r) => r.p50Ms),
  );
  report.metric(
    'live_2k_p99_ms',
    of(own, (r) => r.p99Ms),
  );
  for (const [lane, suffix] of COMPARED) {
    const other = rounds.get(lane);
    if (other === undefined) continue;
    report.metric(
      `p50_over_${suffix}`,
      ratio(own, other, (r) => r.p50Ms),
    );
    if (lane === 'limit')
      report.metric(
        `p99_over_${suffix}`,
        ratio(own, other, (r) => r.p99Ms),
      );
    report.metric(
      `cpu_over_${suffix}`,
      ratio(own, other, (r) => r.cost.sum),
    );
  }
}

const COMPARED = [
  ['limit', 'limit'],
  ['socketio', 'socketio'],
  ['resumable', 'resumable'],
] as const;

function tellSaturated(stage: Stage, rounds: Rounds): void {
  const { report } = stage.bench;
  report.table(
    [
      'lane, saturated',
      'events/s',
      'p50 ms',
      'p99 ms',
      'worker µs',
      'redis µs',
      'gateway µs',
      'sum µs',
      'lost',
      'twice',
    ],
    [...rounds].map(([lane, results]) => [
      lane,
      ...[of(results, (r) => r.perSecond), of(results, (r) => r.p50Ms), of(results, (r) => r.p99Ms)],
      ...costCells(results),
      ...faultCells(results),
    ]),
  );
  const own = rounds.get('holdfast') ?? [];
  for (const [lane, suffix] of COMPARED) {
    const other = rounds.get(lane);
    if (other !== undefined)
      report.metric(
        `saturated_over_${suffix}`,
        ratio(own, other, (r) => r.perSecond),
      );
  }
}

async function runHighRate(stage: Stage, followers: Followers): Promise<void> {
  const { report } = stage.bench;
  const active = Math.min(stage.options.sessions, HIGH_RATE / EVENTS_PER_ACTIVE);
  const results: WindowResult[] = [];
  for (let round = 0; round < Math.min(3, stage.options.rounds); round += 1) {
    report.round(`${HIGH_RATE} events/s, round ${round + 1}`);
    results.push(await openWindow(stage, followers, { rate: HIGH_RATE, active }));
  }
  report.metric(
    'live_10k_p50_ms',
    of(results, (r) => r.p50Ms),
  );
  report.metric(
    'live_10k_p99_ms',
    of(results, (r) => r.p99Ms),
  );
}

function of(results: readonly WindowResult[], pick: (result: WindowResult) => number): number {
  return median(results.map(pick));
}

function ratio(
  own: readonly WindowResult[],
  other: readonly WindowResult[],
  pick: (result: WindowResult) => number,
): number {
  return medianRatio(own.map(pick), other.map(pick));
}

function costCells(results: readonly WindowResult[]): number[] {
  return (['worker', 'redis', 'gateway', 'sum'] as const).map((part) => of(results, (r) => r.cost[part]));
}

function faultCells(results: readonly WindowResult[]): number[] {
  const sum = (pick: (result: WindowResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0);
  return [sum((r) => r.lost), sum((r) => r.duplicated)];
}
