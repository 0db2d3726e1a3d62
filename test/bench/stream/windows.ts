// One window of load on one lane, and what it cost: latency at the clients, CPU of worker, Redis and gateway,
// events lost and repeated.
import { cpuMs } from './cpu.ts';
import type { GroupStats } from './group.ts';
import type { Profiled } from './profiler.ts';
import type { Followers, Stage } from './stage.ts';

/** Events that are not there after this are lost. */
const SETTLE_LIMIT_MS = 10_000;
/** Events on their way in a closed loop. */
const IN_FLIGHT_EVENTS = 2_000;

export interface Cost {
  /** µs of CPU per event. */
  readonly worker: number;
  readonly redis: number;
  readonly gateway: number;
  readonly sum: number;
}

export interface WindowResult extends GroupStats {
  readonly events: number;
  readonly lost: number;
  readonly cost: Cost;
  /** Of a closed loop: events per second at the clients. */
  readonly perSecond: number;
}

/** Open loop at a rate. */
export async function openWindow(
  stage: Stage,
  followers: Followers,
  load: { readonly rate: number; readonly active?: number },
): Promise<WindowResult> {
  const { options, producer } = stage;
  const shape = {
    ...followers.range,
    active: options.active,
    size: options.size,
    durationMs: options.windowMs,
  };
  return measured({
    stage,
    followers,
    what: `at-${load.rate}`,
    run: async () => {
      const sent = await producer.call('drive', { ...shape, ...load });
      return { sent, perSecond: Number.NaN };
    },
  });
}

/** Closed loop, as fast as it goes. */
export async function saturatedWindow(stage: Stage, followers: Followers): Promise<WindowResult> {
  const { options, producer } = stage;
  const { range, subscribers } = followers;
  const shape = { ...range, active: options.active, size: options.size, durationMs: options.windowMs };
  return measured({
    stage,
    followers,
    what: 'saturated',
    run: async () => producer.call('saturate', { ...shape, inFlight: IN_FLIGHT_EVENTS, subscribers }),
  });
}

async function measured(input: {
  readonly stage: Stage;
  readonly followers: Followers;
  readonly what: string;
  readonly run: () => Promise<{ readonly sent: number; readonly perSecond: number }>;
}): Promise<WindowResult> {
  const { stage, followers, what, run } = input;
  const { client, producer, redisPid, profiler } = stage;
  const { group, gatewayPid, subscribers, range } = followers;
  await client.call('begin', { group });
  // The profiler would cost the lane that is compared.
  const isOwn = range.lane === 'holdfast';
  const profiled: Profiled[] = isOwn ? [['producer', producer.child], ...followers.profiled] : [];
  const pids = [producer.pid, redisPid, gatewayPid];
  const before = pids.map(cpuMs);
  const { sent, perSecond } = await profiler.during(what, profiled, run);
  const expected = sent * subscribers;
  const stats = await client.call('settle', { group, expected, limitMs: SETTLE_LIMIT_MS });
  const [worker = 0, redis = 0, gateway = 0] = pids.map(
    (pid, index) => ((cpuMs(pid) - (before[index] ?? 0)) * 1_000) / sent,
  );
  const cost = { worker, redis, gateway, sum: worker + redis + gateway };
  const result = { ...stats, events: sent, lost: expected - stats.received, cost, perSecond };
  if (isOwn) countFaults(stage, result);
  return result;
}

/** Adds to the totals that must stay 0. */
export function countFaults(
  stage: Stage,
  seen: { readonly lost: number; readonly duplicated: number; readonly resets: number },
): void {
  const { report } = stage.bench;
  report.count('lost', seen.lost);
  report.count('duplicated', seen.duplicated);
  if (seen.resets > 0) report.line(`  ${seen.resets} clients had to start over from a snapshot`);
}
