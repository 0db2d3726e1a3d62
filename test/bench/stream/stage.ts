// What the phases play on: one Redis, one producer, one process of clients, the limit line's gateway, and as many
// real gateways as a phase asks for.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { startGateway, type TestGateway } from '../../support/processes.ts';
import { startRedis } from '../../support/redis.ts';
import { startRemote, type Remote } from '../rpc.ts';
import type { Bench } from '../run-bench.ts';
import type { ClientApi } from './client.ts';
import type { LimitGatewayApi } from './limit-gateway.ts';
import type { Options } from './options.ts';
import type { ProducerApi } from './producer.ts';
import { createProfiler, type Profiled, type Profiler } from './profiler.ts';
import type { Lane, RedisPlace, SessionRange, SessionRef } from './types.ts';

const HERE = 'test/bench/stream';
/** Loads the probe into a gateway. */
const PROBED = { NODE_OPTIONS: `--expose-gc --import=${new URL('probe.ts', import.meta.url).href}` };

/** All gateways but the product's own take the same call. */
type PeerGatewayApi = LimitGatewayApi;

export interface Stage {
  readonly bench: Bench;
  readonly options: Options;
  readonly redis: RedisPlace;
  readonly redisPid: number;
  readonly producer: Remote<ProducerApi>;
  readonly client: Remote<ClientApi>;
  readonly limit: { readonly pid: number; readonly port: number };
  readonly profiler: Profiler;
  /** Sessions made so far, by lane. */
  readonly made: Map<Lane, number>;
}

export async function openStage(bench: Bench, options: Options): Promise<Stage> {
  const { place, pid: redisPid, dir } = await startBenchRedis(bench, options.aof);
  const producer = await bench.own(
    startRemote<ProducerApi>(`${HERE}/producer.ts`, options.profile === null ? {} : PROBED),
  );
  const client = await bench.own(startRemote<ClientApi>(`${HERE}/client.ts`));
  const limitGateway = await bench.own(startRemote<LimitGatewayApi>(`${HERE}/limit-gateway.ts`));
  const feedbackPath = join(dir, 'feedback.sock');
  await producer.call('connect', { redis: place, feedbackPath });
  await client.call('connect', { feedbackPath });
  const { port } = await limitGateway.call('listen', { redis: place });
  const limit = { pid: limitGateway.pid, port };
  const profiler = createProfiler(options.profile);
  return { bench, options, redis: place, redisPid, producer, client, limit, profiler, made: new Map() };
}

/** Over loopback TCP, as between hosts. A port found free may be taken a moment later: then another one is tried. */
export async function startBenchRedis(
  bench: Bench,
  aof: Options['aof'],
): Promise<{ readonly place: RedisPlace; readonly pid: number; readonly dir: string }> {
  const port = await freePort();
  const settings = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--appendonly',
    aof === 'no' ? 'no' : 'yes',
  ];
  const server = await bench.own(startRedis(settings));
  const { pid } = server.process();
  if (pid === undefined) throw new Error('redis was not spawned');
  const place = { url: `redis://127.0.0.1:${port}`, password: server.address.password ?? '' };
  return { place, pid, dir: server.dir };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}

const PEER_GATEWAYS = {
  socketio: `${HERE}/peers/socketio-gateway.ts`,
  resumable: `${HERE}/peers/resumable-gateway.ts`,
};

/** The gateway of a peer's lane. */
export async function openPeerGateway(
  stage: Stage,
  lane: keyof typeof PEER_GATEWAYS,
): Promise<{ readonly pid: number; readonly port: number }> {
  const gateway = await stage.bench.own(startRemote<PeerGatewayApi>(PEER_GATEWAYS[lane]));
  const { port } = await gateway.call('listen', { redis: stage.redis });
  return { pid: gateway.pid, port };
}

export async function openGateway(stage: Stage): Promise<TestGateway> {
  const { bench, redis } = stage;
  return bench.own(
    startGateway({ redis: { address: redis }, env: { HOLDFAST_LOG_LEVEL: 'warn', ...PROBED } }),
  );
}

/** Makes sessions in a lane and tells which they are. */
export async function makeSessions(stage: Stage, lane: Lane, count: number): Promise<SessionRange> {
  const first = stage.made.get(lane) ?? 0;
  await stage.producer.call('open', { lane, count });
  stage.made.set(lane, first + count);
  return { lane, first, count };
}

/** Clients that follow a range of sessions over one gateway. */
export interface Followers {
  readonly group: string;
  readonly range: SessionRange;
  readonly gatewayPid: number;
  readonly subscribers: number;
  /** Who else is recorded when these are driven. */
  readonly profiled: readonly Profiled[];
}

let groups = 0;

/** A gateway of any lane; `child` where it has loaded the probe. */
export interface GatewayProcess {
  readonly pid: number;
  readonly port: number;
  readonly child?: ChildProcess;
}

/** Connects clients to all sessions of the range; resolves when they are live. */
export async function follow(
  stage: Stage,
  to: { readonly range: SessionRange; readonly gateway: GatewayProcess },
  subscribers: number = stage.options.subscribers,
): Promise<Followers> {
  const { range, gateway } = to;
  const refs = await stage.producer.call('refs', range);
  groups += 1;
  const group = `g${groups}`;
  await stage.client.call('open', {
    group,
    lane: range.lane,
    target: { port: gateway.port, localAddress: nextAddress() },
    sessions: repeat(refs, subscribers),
    inFlight: IN_FLIGHT,
  });
  const profiled: Profiled[] = gateway.child === undefined ? [] : [['gateway', gateway.child]];
  return { group, range, gatewayPid: gateway.pid, subscribers, profiled };
}

/** Connections that are made at a time: below the server's backlog, or the kernel would delay some by a second. */
export const IN_FLIGHT = 400;

let addresses = 1;

/** Another loopback address for each group: ports of connections that ended stay taken for a minute. */
export function nextAddress(): string {
  addresses = (addresses % 200) + 1;
  return `127.0.0.${addresses}`;
}

function repeat(refs: readonly SessionRef[], times: number): SessionRef[] {
  return Array.from({ length: times }, () => refs).flat();
}

const Memory = z.looseObject({
  type: z.literal('bench:memory'),
  /** As it stood, before the garbage collection. */
  uncollectedRss: z.number(),
  rss: z.number(),
  heapUsed: z.number(),
});
type Memory = z.infer<typeof Memory>;

/** Memory of a gateway after a garbage collection, in bytes. */
export async function memoryOf(gateway: TestGateway): Promise<Memory> {
  const { promise, resolve } = Promise.withResolvers<Memory>();
  const listener = (message: unknown): void => {
    const parsed = Memory.safeParse(message);
    if (parsed.success) resolve(parsed.data);
  };
  gateway.child.on('message', listener);
  gateway.child.send({ type: 'bench:memory' });
  const memory = await promise;
  gateway.child.off('message', listener);
  return memory;
}
