// How many commands a system sends to Redis by itself, without and with many idle sessions.
import { setTimeout as pause } from 'node:timers/promises';
import { createLogger } from '@holdfast/shared/runtime';
import {
  createCommandRedis,
  createWorkerRegistry,
  type Redis,
  type RedisAddress,
} from '@holdfast/shared/store';
import { makeDataDir, startDemoModel, startGateway, startWorker } from '../../support/processes.ts';
import { startRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';
import { startRemote } from '../rpc.ts';
import type { IdleProducerApi } from '../stream/idle-producer.ts';

export interface IdleCost {
  /** Commands per second, of a gateway and a worker with nothing to do. */
  readonly without: number;
  readonly with: number;
  /** Connections to Redis and channels that are subscribed to. */
  readonly connectionsWithout: string;
  readonly connectionsWith: string;
  /** Calls in the second window less those in the first, by command; those that did not change are left out. */
  readonly changes: Readonly<Record<string, number>>;
}

/** Everything is settled by then: the worker's first heartbeats, the queue's first look for jobs. */
const SETTLE_MS = 2_000;

/**
 * Sessions that had one turn of 20 events each and were put to rest, beside a gateway and a worker that go on living.
 * Commands that scripts call count, too; our own questions do not.
 */
export async function measureIdleCost(input: {
  readonly sessions: number;
  readonly windowMs: number;
}): Promise<IdleCost> {
  await using data = await makeDataDir();
  await using server = await startRedis();
  await using demoModel = await startDemoModel();
  await using _gateway = await startGateway({ redis: server, dataDir: data.path });
  await using _worker = await startWorker({ redis: server, dataDir: data.path, demoModel });
  const redis = createCommandRedis(
    server.address,
    createLogger({ part: 'bench', level: 'warn' }),
    'bench:idle',
  );
  try {
    await pause(SETTLE_MS);
    const without = await countCalls(redis, input.windowMs);
    const connectionsWithout = await connections(redis);
    await makeSessions(server.address, input.sessions);
    // Whoever made the sessions has ended without a word: that it is found dead is none of their cost.
    const registry = createWorkerRegistry(redis);
    const isAlone = async (): Promise<boolean> => (await registry.list()).length === 1;
    await until(isAlone, { what: 'the reaper to forget who made the sessions', limitMs: 30_000 });
    await pause(SETTLE_MS);
    const withSessions = await countCalls(redis, input.windowMs);
    const names = new Set([...without.keys(), ...withSessions.keys()]);
    const changes = [...names].map(
      (name) => [name, (withSessions.get(name) ?? 0) - (without.get(name) ?? 0)] as const,
    );
    return {
      without: (sum(without) * 1_000) / input.windowMs,
      with: (sum(withSessions) * 1_000) / input.windowMs,
      connectionsWithout,
      connectionsWith: await connections(redis),
      changes: Object.fromEntries(changes.filter(([, change]) => change !== 0)),
    };
  } finally {
    redis.disconnect();
  }
}

/** Calls within a window, by command. */
async function countCalls(redis: Redis, windowMs: number): Promise<Map<string, number>> {
  const before = await callsSoFar(redis);
  await pause(windowMs);
  const after = await callsSoFar(redis);
  return new Map([...after].map(([name, calls]) => [name, calls - (before.get(name) ?? 0)]));
}

async function makeSessions({ url, password = '' }: RedisAddress, sessions: number): Promise<void> {
  await using producer = await startRemote<IdleProducerApi>('test/bench/stream/idle-producer.ts');
  await producer.call('run', { redis: { url, password }, sessions });
}

async function connections(redis: Redis): Promise<string> {
  const clients = await redis.info('clients');
  const connected = /^connected_clients:(\d+)/m.exec(clients)?.[1] ?? '';
  const channels = await redis.pubsub('SHARDCHANNELS');
  return `${connected} connections, ${channels.length} channels`;
}

async function callsSoFar(redis: Redis): Promise<Map<string, number>> {
  const stats = await redis.info('commandstats');
  const calls = new Map<string, number>();
  for (const [, name = '', count] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (name !== 'info') calls.set(name, Number(count));
  }
  return calls;
}

function sum(calls: ReadonlyMap<string, number>): number {
  return [...calls.values()].reduce((total, count) => total + count, 0);
}
