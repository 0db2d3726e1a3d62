// What the servers count and time, under the glossary's names, for Prometheus. No label has a value without a bound:
// no ids, no users, no paths. Seconds and bytes, as Prometheus wants them.
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const registry = new Registry();

/** From what a healthy step takes on one machine to what a person calls broken. */
const FAST_SECONDS = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const SLOW_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 10_800];

const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
  new Counter({ name: `holdfast_${name}`, help, labelNames: [...labelNames], registers: [registry] });
const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
  new Gauge({ name: `holdfast_${name}`, help, labelNames: [...labelNames], registers: [registry] });
const histogram = <L extends string>(
  of: { readonly name: string; readonly help: string; readonly labelNames?: readonly L[] },
  buckets: readonly number[],
): Histogram<L> =>
  new Histogram({
    name: `holdfast_${of.name}`,
    help: of.help,
    labelNames: [...(of.labelNames ?? [])],
    buckets: [...buckets],
    registers: [registry],
  });

/** The instruments. Cheap enough for the hot path: none is touched more than once per append or per batch of frames. */
export const metrics = {
  redisScriptSeconds: histogram(
    {
      name: 'redis_script_seconds',
      help: 'From the call of a script to its answer',
      labelNames: ['script'],
    },
    FAST_SECONDS,
  ),
  appendedEvents: counter('appended_events_total', 'Events that Redis acknowledged'),
  appendSeconds: histogram(
    { name: 'append_seconds', help: 'From a batch being sent to Redis acknowledging it, retries included' },
    FAST_SECONDS,
  ),
  ownedSessions: gauge('owned_sessions', 'Sessions that this worker owns'),
  children: gauge('children', 'CLI children of this worker', ['state']),
  coldStartSeconds: histogram(
    { name: 'cold_start_seconds', help: 'From a child being wanted to its being ready' },
    SLOW_SECONDS,
  ),
  claims: counter('claims_total', 'Claims of this worker', ['outcome']),
  takeovers: counter('takeovers_total', 'Sessions taken from an owner that did not let go of them'),
  turns: counter('turns_total', 'Turns that ended', ['stop_reason']),
  queueWaitSeconds: histogram(
    { name: 'queue_wait_seconds', help: 'From a prompt being queued to its turn' },
    SLOW_SECONDS,
  ),
  approvals: counter('approvals_total', 'Approvals that were resolved', ['outcome']),
  lastHeartbeat: gauge(
    'last_heartbeat_timestamp_seconds',
    'When Redis last answered a heartbeat of this worker, since 1970',
  ),
  connections: gauge('connections', 'Open client connections of this gateway', ['kind']),
  watchedSessions: gauge('watched_sessions', 'Sessions that clients of this gateway follow'),
  deliverySeconds: histogram(
    {
      name: 'delivery_seconds',
      help: 'From an event being written by its owner to its being handed to the sockets (clocks of two machines)',
    },
    FAST_SECONDS,
  ),
  feedGaps: counter('feed_gaps_total', 'Holes in what pub/sub delivered, filled from the stream'),
  feedAudits: counter('feed_audits_total', 'Audits of heads against Redis', ['found']),
  connectionEnds: counter(
    'connection_ends_total',
    'Connections that this gateway ended (slow_consumer: it did not read)',
    ['cause'],
  ),
} as const;

/** The text that Prometheus reads; `contentType` says its version. */
export async function renderMetrics(): Promise<{ readonly contentType: string; readonly text: string }> {
  return { contentType: registry.contentType, text: await registry.metrics() };
}

let isMeasured = false;

/** Adds what Node tells of the process itself: CPU, memory, event loop delay. Later calls change nothing. */
export function measureProcess(part: string): void {
  if (isMeasured) return;
  isMeasured = true;
  registry.setDefaultLabels({ part });
  collectDefaultMetrics({ register: registry, prefix: 'holdfast_' });
}
