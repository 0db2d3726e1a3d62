// Redis loses the tail of what it acknowledged: a replica that lacks it is promoted, or its file is cut. A living
// owner repairs it unseen; without one, clients are told openly.
import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { SessionId } from '@holdfast/shared/protocol';
import { createEventLog, type Redis } from '@holdfast/shared/store';
import { startGateway } from '../../support/processes.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { LogRig, type RigClient, type RigWriter } from '../../failure/support/log-rig.ts';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});
function keep<T extends AsyncDisposable>(one: T): T {
  opened.push(one);
  return one;
}

interface Place {
  readonly rig: LogRig;
  readonly gatewayUrl: string;
  /** Redis loses what was acknowledged since `remember` was called, and is there again. */
  readonly remember: () => Promise<void>;
  readonly loseTail: () => Promise<void>;
}

/** A primary and its replica; everybody reaches the one that rules under one address. */
async function withReplica(): Promise<Place> {
  const primary = keep(await startRedis());
  const link = keep(await startTcpProxy({ target: { path: primary.address.url } }));
  const follow = ['--replicaof', `127.0.0.1 ${link.port}`, '--masterauth', primary.address.password ?? ''];
  const replica = keep(await startRedis(follow));
  const ruler = keep(await startTcpProxy({ target: { path: primary.address.url } }));
  const address = { ...primary.address, url: `redis://127.0.0.1:${ruler.port}` };
  const gateway = keep(await startGateway({ redis: { address } }));
  const redis = keep(connection(replica)).redis;
  const upstream = primary.connect();
  await until(async () => (await redis.info('replication')).includes('master_link_status:up'), {
    what: 'the replica to be in step',
  });
  // The rig reads from the replica: it has everything, and is the one that stays.
  const rig = keep(new LogRig(upstream, address));
  return {
    rig,
    gatewayUrl: gateway.url,
    remember: async () => {
      expect(await upstream.wait(1, 5_000)).toBe(1);
      link.apply({ kind: 'half_open' });
    },
    loseTail: async () => {
      await primary.stop('SIGKILL');
      await redis.replicaof('NO', 'ONE');
      rig.redis = redis;
      promote(ruler, replica);
    },
  };
}

function promote(ruler: TcpProxy, replica: TestRedis): void {
  ruler.retarget({ path: replica.address.url });
  ruler.apply({ kind: 'cut' });
}

function connection(server: TestRedis): { redis: Redis } & AsyncDisposable {
  const redis = server.connect();
  return { redis, [Symbol.asyncDispose]: async () => redis.disconnect() };
}

/** One server that is killed and started again on a file whose end is gone. */
async function withCutFile(): Promise<Place> {
  const server = keep(await startRedis());
  const gateway = keep(await startGateway({ redis: server }));
  const rig = keep(new LogRig(server.connect(), server.address));
  let rememberedBytes = 0;
  return {
    rig,
    gatewayUrl: gateway.url,
    remember: async () => {
      rememberedBytes = (await stat(await appendOnlyFile(server))).size;
    },
    loseTail: async () => {
      await server.stop('SIGKILL');
      // In the middle of a command, as a power loss leaves it.
      await truncate(await appendOnlyFile(server), rememberedBytes + 17);
      await server.start();
    },
  };
}

async function appendOnlyFile(server: TestRedis): Promise<string> {
  const dir = join(server.dir, 'appendonlydir');
  const name = (await readdir(dir)).find((file) => file.endsWith('.incr.aof'));
  if (name === undefined) throw new Error('there is no append-only file');
  return join(dir, name);
}

interface Running {
  readonly sessionId: SessionId;
  readonly writer: RigWriter;
  readonly clients: readonly RigClient[];
}

/** A session whose last events are acknowledged and seen, and about to be lost. */
async function runIntoLoss({ rig, gatewayUrl, remember }: Place): Promise<Running> {
  const sessionId = await rig.createSession();
  const writer = await rig.claim(sessionId);
  const clients = [rig.follow(sessionId, { url: gatewayUrl }), rig.follow(sessionId, { url: gatewayUrl })];
  await writer.turns(2);
  await remember();
  await writer.turns(1, 10);
  await Promise.all(clients.map(async (client) => client.hasReached(writer.events.view.offset)));
  return { sessionId, writer, clients };
}

describe.each([
  { how: 'a promoted replica lacks it', start: withReplica },
  { how: 'its file was cut', start: withCutFile },
])('a tail that Redis acknowledged and lost, since $how', ({ start }) => {
  it('is repaired by its living owner at the same offsets; clients notice nothing [D-11]', async () => {
    const place = await start();
    const { rig } = place;
    const { sessionId, writer, clients } = await runIntoLoss(place);
    const before = writer.events.view.offset;
    await place.loseTail();
    await until(async () => (await headOf(rig, sessionId)) !== undefined, { what: 'redis to answer' });
    expect(await headOf(rig, sessionId)).toBeLessThan(before);
    await writer.turns(1);
    const verdict = await rig.verdict(sessionId);
    expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: clients.length, abandoned: 0 } });
    expect(verdict.stats.resets).toEqual({});
    expect(await headOf(rig, sessionId)).toBe(writer.events.view.offset);
  });

  it('is given up openly when its owner is dead too: a new epoch, and a snapshot for everyone [D-11] [D-03]', async () => {
    const place = await start();
    const { rig } = place;
    const { sessionId, clients } = await runIntoLoss(place);
    const saved = clients[0]?.position ?? 'start';
    await place.loseTail();
    const next = await rig.claim(sessionId);
    await next.turns(1);
    const late = rig.follow(sessionId, { url: place.gatewayUrl, name: 'late' });
    const back = rig.follow(sessionId, { url: place.gatewayUrl, name: 'back', from: saved });
    await late.hasReached(next.events.view.offset);
    await back.hasReached(next.events.view.offset);
    const verdict = await rig.verdict(sessionId);
    expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: clients.length + 2 } });
    expect(back.recorder.resetReasons).toEqual(['epoch']);
    expect(verdict.stats.abandoned).toBeGreaterThan(0);
    expect(clients.map((client) => client.recorder.resetReasons)).toEqual([['epoch'], ['epoch']]);
  });
});

async function headOf(rig: LogRig, sessionId: SessionId): Promise<number | undefined> {
  const heads = await createEventLog(rig.redis)
    .heads([sessionId])
    .catch(() => []);
  return heads[0]?.head;
}
