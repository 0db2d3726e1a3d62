// Redis as the servers need it: new enough, never evicting, persistent, near, with room, its clock beside ours.
import {
  checkStore,
  createWorkerRegistry,
  readPersistence,
  readServerInfo,
  type Redis,
} from '@holdfast/shared/store';
import { failed, ok, warning, type Check } from './check.ts';

const PINGS = 20;
const SLOW_PING_MS = 5;
/** Leases are compared by Redis' clock; logs and events are stamped by ours. */
const MAX_SKEW_MS = 2_000;
const FULL_SHARE = 0.8;

export async function checkRedis(redis: Redis): Promise<readonly Check[]> {
  const info = await readServerInfo(redis);
  await checkStore(redis);
  return [
    ok('redis', `version ${info.version}`),
    ...memoryChecks(info, await readPersistence(redis)),
    await latencyCheck(redis),
    await clockCheck(redis),
    await workersCheck(redis),
  ];
}

function memoryChecks(
  info: Awaited<ReturnType<typeof readServerInfo>>,
  facts: Awaited<ReturnType<typeof readPersistence>>,
): readonly Check[] {
  const { usedMemoryBytes, maxMemoryBytes } = info;
  const used = megabytes(usedMemoryBytes);
  const isFull = maxMemoryBytes > 0 && usedMemoryBytes > FULL_SHARE * maxMemoryBytes;
  const memory =
    maxMemoryBytes === 0
      ? warning(
          'redis memory',
          `${used} used, no limit`,
          'Set maxmemory, so that a full machine is a clear error.',
        )
      : isFull
        ? warning(
            'redis memory',
            `${used} of ${megabytes(maxMemoryBytes)} used`,
            'Raise maxmemory, delete sessions, or set HOLDFAST_RETENTION_DAYS.',
          )
        : ok('redis memory', `${used} of ${megabytes(maxMemoryBytes)} used`);
  const policy =
    facts.evictionPolicy === 'noeviction'
      ? ok('redis eviction', 'noeviction')
      : failed(
          'redis eviction',
          facts.evictionPolicy,
          'Set maxmemory-policy noeviction: anything else loses sessions.',
        );
  const log = !facts.hasAppendOnlyFile
    ? failed(
        'redis log',
        'no append-only file',
        'Set appendonly yes and appendfsync everysec, or a restart loses sessions.',
      )
    : facts.isWriting
      ? ok('redis log', 'append-only file')
      : failed('redis log', 'the last write to the append-only file failed', 'Look for a full disk.');
  return [memory, policy, log];
}

async function latencyCheck(redis: Redis): Promise<Check> {
  const times: number[] = [];
  for (let ping = 0; ping < PINGS; ping += 1) {
    const sentAt = performance.now();
    await redis.ping();
    times.push(performance.now() - sentAt);
  }
  const median = times.toSorted((one, other) => one - other)[PINGS / 2] ?? 0;
  const found = `${median.toFixed(2)} ms for a round trip (median of ${PINGS})`;
  return median > SLOW_PING_MS
    ? warning('redis latency', found, 'Every event takes a round trip: run Redis nearer to the workers.')
    : ok('redis latency', found);
}

async function clockCheck(redis: Redis): Promise<Check> {
  const sentAt = Date.now();
  const [seconds, microseconds] = await redis.time();
  const theirs = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  const skewMs = Math.round(theirs - (sentAt + Date.now()) / 2);
  const found = `${skewMs} ms from the clock of Redis`;
  return Math.abs(skewMs) > MAX_SKEW_MS
    ? warning('clock', found, 'Synchronise the clocks (NTP): times of events will look wrong.')
    : ok('clock', found);
}

async function workersCheck(redis: Redis): Promise<Check> {
  const registry = createWorkerRegistry(redis);
  const workers = await registry.list();
  const alive = await Promise.all(workers.map(async (worker) => registry.isAlive(worker)));
  const count = alive.filter(Boolean).length;
  return count === 0
    ? warning(
        'workers',
        'none is alive',
        'Start Holdfast ("npm run up"); prompts wait until a worker is there.',
      )
    : ok('workers', `${count} alive`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
