// What each kind of fault does to the world. Each resolves to a few words on what it did, or throws when there was
// nothing to do it to; every one heals by itself after a while.
import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from '@holdfast/shared/store';
import type { Service } from '../support/processes.ts';
import type { ProxiedConnection, ProxyFault, TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { between, pick, seededRandom, shuffled, type Random } from './random.ts';
import type { FaultKind } from './schedule.ts';
import type { Slot } from './slots.ts';
import type { World } from './world.ts';

interface Place {
  readonly world: World;
  readonly random: Random;
  /** A connection to Redis that answers. */
  readonly redis: Redis;
}

/** How long a process stands still: shorter and longer than a worker's lease. */
const SHORT_MS = [500, 4_000] as const;
const LONG_MS = [11_500, 14_000] as const;

type Fault = (place: Place) => Promise<string>;

const FAULTS: { readonly [K in FaultKind]: Fault } = {
  client_cut: async ({ world, random }) => onSome(world.balancer, random, { kind: 'cut' }),
  client_cut_mid_frame: async ({ world, random }) =>
    onSome(world.balancer, random, { kind: 'truncate', bytes: between(random, 1, 3_000) }),
  client_half_open: async ({ world, random }) => {
    const [victim] = shuffled(random, world.balancer.connections());
    if (victim === undefined) throw new Error('there is no client');
    victim.apply({ kind: 'half_open' });
    return 'one client';
  },
  slow_reader: async ({ world, random }) => {
    const victims = some(world.balancer.connections(), random);
    for (const victim of victims) victim.apply({ kind: 'throttle', bytesPerSecond: 2_000 });
    await pause(between(random, 2_000, 4_000));
    for (const victim of victims) victim.heal();
    return `${victims.length} clients read 2 KB/s`;
  },
  gateway_kill: async ({ world, random }) =>
    killAndRestart(pickSlot(random, world.gateways), random, 'SIGKILL'),
  gateway_drain: async ({ world, random }) =>
    killAndRestart(pickSlot(random, world.gateways), random, 'SIGTERM'),
  gateway_stop: async ({ world, random }) =>
    standStill(pickSlot(random, world.gateways), between(random, ...SHORT_MS)),
  writer_kill: async ({ world, random }) =>
    killAndRestart(pickSlot(random, world.writers), random, 'SIGKILL'),
  // Sometimes for longer than its lease: it wakes up beside the one that took over.
  writer_stop: async ({ world, random }) => {
    const [least, most] = random() < 0.5 ? LONG_MS : SHORT_MS;
    return standStill(pickSlot(random, world.writers), between(random, least, most));
  },
  worker_kill: async ({ world, random }) =>
    killAndRestart(pickSlot(random, world.workers), random, 'SIGKILL'),
  subscriber_kill: async ({ redis }) =>
    `${String(await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))} connections`,
  messages_swallowed: async ({ world, random }) => {
    const { toRedis, name } = pickSlot(random, world.gateways);
    const live = toRedis.connections().filter((connection) => connection.hasSent('ssubscribe'));
    const count = between(random, 1, 20);
    for (const connection of live) connection.apply({ kind: 'swallow_messages', count });
    return `the next ${count} to ${name}`;
  },
  redis_clients_kill: async ({ redis }) =>
    `${String(await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))} connections`,
  redis_restart: async ({ world, random }) => {
    const signal = random() < 0.5 ? 'SIGKILL' : 'SIGTERM';
    await world.redis.stop(signal);
    const downMs = between(random, 0, 1_500);
    await pause(downMs);
    await world.redis.start();
    return `${signal}, ${downMs} ms down`;
  },
  redis_sleep: async ({ redis, random }) => {
    const seconds = between(random, 3, 20) / 10;
    await redis.call('DEBUG', 'SLEEP', seconds);
    return `${seconds} s`;
  },
  script_flush: async ({ redis }) => {
    await redis.script('FLUSH');
    return 'all scripts';
  },
  reply_lost: async ({ world, random }) => {
    const { toRedis, name } = pickSlot(random, [...world.writers, ...world.workers]);
    toRedis.apply({ kind: 'lose_reply', to: 'evalsha' });
    return `to ${name}`;
  },
  redis_delay: async ({ world, random }) => {
    const { toRedis, name } = pickSlot(random, [...world.writers, ...world.gateways, ...world.workers]);
    const ms = between(random, 20, 200);
    toRedis.apply({ kind: 'delay', ms });
    toRedis.applyToNew([{ kind: 'delay', ms }]);
    await pause(between(random, 1_000, 3_000));
    toRedis.heal();
    return `${ms} ms for ${name}`;
  },
};

/** Injects one fault. Throws when it could not be done. */
export async function inject(kind: FaultKind, seed: number, place: Omit<Place, 'random'>): Promise<string> {
  const isAnswering = async (): Promise<boolean> => (await place.redis.ping().catch(() => '')) === 'PONG';
  await until(isAnswering, { what: 'redis, for the next fault', limitMs: 60_000 });
  return FAULTS[kind]({ ...place, random: seededRandom(seed) });
}

/** Ends what does not heal by itself, so that the run can come to rest. */
export function healAll(world: World): void {
  world.balancer.heal();
  for (const slot of [...world.gateways, ...world.writers, ...world.workers]) slot.toRedis.heal();
}

function some(connections: readonly ProxiedConnection[], random: Random): ProxiedConnection[] {
  if (connections.length === 0) throw new Error('there is no connection');
  const share = Math.max(1, Math.floor(connections.length * (0.1 + 0.3 * random())));
  return shuffled(random, connections).slice(0, share);
}

function onSome(proxy: TcpProxy, random: Random, fault: ProxyFault): string {
  const victims = some(proxy.connections(), random);
  for (const victim of victims) victim.apply(fault);
  return `${victims.length} clients`;
}

/** A process that runs; which of them, the random number decides. */
function pickSlot<T extends Service>(random: Random, slots: readonly Slot<T>[]): Slot<T> {
  const [first, ...others] = slots.filter((slot) => slot.process !== null);
  if (first === undefined) throw new Error('none of them runs');
  return pick(random, [first, ...others]);
}

async function killAndRestart(slot: Slot<Service>, random: Random, signal: NodeJS.Signals): Promise<string> {
  await slot.kill(signal);
  const downMs = between(random, 0, 1_500);
  await pause(downMs);
  await slot.start();
  return `${slot.name}, ${downMs} ms down`;
}

async function standStill(slot: Slot<Service>, ms: number): Promise<string> {
  const { process } = slot;
  if (process === null) throw new Error('it does not run');
  process.child.kill('SIGSTOP');
  // Also if this process is killed meanwhile: one that stands still would never notice.
  const wake = spawn('sh', ['-c', `sleep ${ms / 1_000 + 1}; kill -CONT ${process.pid}`], {
    detached: true,
    stdio: 'ignore',
  });
  wake.unref();
  await pause(ms);
  process.child.kill('SIGCONT');
  return `${slot.name} for ${ms} ms`;
}
