// What Redis and its connections do to the stream: clients stay connected, and nothing is missing or repeated.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEventLog, sessionKeys, type Redis } from '@holdfast/shared/store';
import {
  createStoredSession,
  notices,
  ownSession,
  writeUntil,
  type FakeOwner,
} from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { openSse } from '../support/sse-client.ts';
import { until } from '../support/until.ts';
import { connect, coveredOffsets, range, type TestClient } from '../support/ws-client.ts';

let server: TestRedis;
let redis: Redis;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  gateway = await startGateway({ redis: server });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const newOwner = async (): Promise<FakeOwner> => ownSession(redis, await createStoredSession(redis));
const attach = async (owner: FakeOwner): Promise<TestClient> => {
  const client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
  await client.attach(owner.sessionId);
  return client;
};
const pause = async (ms: number): Promise<void> => {
  const start = performance.now();
  await until(() => performance.now() - start >= ms, { what: 'some of the burst' });
};

describe('the subscriber connection', () => {
  it('killed again and again in a burst costs no event [D-02]', async () => {
    const owner = await newOwner();
    const clients = await Promise.all([attach(owner), attach(owner), attach(owner)]);
    await using stream = await openSse(`${gateway.url}/v1/sessions/${owner.sessionId}/events`);
    const stop = new AbortController();
    const writing = writeUntil(stop.signal, owner);
    for (let kill = 0; kill < 5; kill += 1) {
      await pause(100);
      expect(await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(1);
      await until(
        async () => (await redis.pubsub('SHARDNUMSUB', sessionKeys(owner.sessionId).live))[1] === 1,
        {
          what: 'the gateway to subscribe again',
        },
      );
    }
    stop.abort();
    await writing;
    for (const client of clients) {
      await client.untilOffset(owner.sessionId, owner.head);
      expect(coveredOffsets(client.events(owner.sessionId))).toEqual(range(1, owner.head));
      await client[Symbol.asyncDispose]();
    }
    await stream.untilOffset(owner.head);
    expect(coveredOffsets(stream.events())).toEqual(range(1, owner.head));
  });

  it('killed right before the last event of a burst delivers it all the same, by the audit [D-02]', async () => {
    const owner = await newOwner();
    await using client = await attach(owner);
    await Promise.all([redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), owner.append(notices(1))]);
    await client.untilOffset(owner.sessionId, owner.head, 5_000);
  });

  it('a message that pub/sub lost is noticed with the next one', async () => {
    const owner = await newOwner();
    await using client = await attach(owner);
    // Written as the owner would, but not published: as if the message got lost.
    const { meta, events } = sessionKeys(owner.sessionId);
    const offset = owner.head + 1;
    const lost = JSON.stringify({ offset, at: 1, type: 'notice', kind: 'info', text: 'lost' });
    await redis.xadd(events, `${offset}-${owner.ownership.fence}`, 'f', lost);
    await redis.hset(meta, 'head', offset);
    const again = await ownSession(redis, owner.sessionId);
    await again.append(notices(1));
    await client.untilOffset(owner.sessionId, offset + 1);
    expect(coveredOffsets(client.events(owner.sessionId))).toEqual(range(1, offset + 1));
  });
});

describe('an owner whose fence is older', () => {
  it('writes nothing that a client would see', async () => {
    const owner = await newOwner();
    await using client = await attach(owner);
    const next = await ownSession(redis, owner.sessionId);
    await next.append(notices(2));
    expect(await owner.append(notices(1))).toMatchObject({ status: 'fenced' });
    await next.append(notices(1));
    await client.untilOffset(owner.sessionId, 4);
    expect(coveredOffsets(client.events(owner.sessionId))).toEqual(range(1, 4));
  });

  it('that still could publish is ignored by the gateway', async () => {
    const owner = await newOwner();
    await using client = await attach(owner);
    const next = await ownSession(redis, owner.sessionId);
    await next.append(notices(1));
    const forged = JSON.stringify({ offset: 3, at: 1, type: 'notice', kind: 'info', text: 'forged' });
    const { epoch, fence } = owner.ownership;
    await redis.spublish(sessionKeys(owner.sessionId).live, `1|${epoch}|${fence}|3|1\n[${forged}]`);
    await next.append(notices(1));
    await client.untilOffset(owner.sessionId, 3);
    await client.ping();
    expect(JSON.stringify(client.events(owner.sessionId))).not.toContain('forged');
  });
});

describe('Redis', () => {
  it('killed and started again: clients stay connected and miss nothing [D-11]', async () => {
    await using own = await startRedis();
    await using lone = await startGateway({ redis: own });
    const connection = own.connect();
    const owner = await ownSession(connection, await createStoredSession(connection));
    await using client = await connect(lone.wsUrl, { token: TEST_TOKEN });
    await client.attach(owner.sessionId);
    await owner.append(notices(5));
    await pause(1_200); // AOF is written every second
    await own.stop('SIGKILL');
    await until(async () => (await http(`${lone.url}/readyz`)).status === 503, { what: 'not ready' });
    const refused = await http(`${lone.url}/v1/sessions/${owner.sessionId}`);
    expect([refused.status, refused.json]).toMatchObject([
      503,
      { error: { code: 'storage_unavailable', retryable: true } },
    ]);
    const content = [{ type: 'text', text: 'hello' }];
    const prompt = { type: 'prompt', sessionId: owner.sessionId, promptId: 'p1', content };
    expect(await client.request(prompt)).toMatchObject({ code: 'storage_unavailable', retryable: true });
    await own.start();
    await until(async () => (await http(`${lone.url}/readyz`)).status === 200, { what: 'ready again' });
    await owner.append(notices(5));
    await client.untilOffset(owner.sessionId, 11);
    expect(coveredOffsets(client.events(owner.sessionId))).toEqual(range(1, 11));
    expect(await client.request(prompt)).toMatchObject({ type: 'ack', promptId: 'p1' });
  });

  it('that lost the tail of the log is repaired by its owner under the same offsets, unseen by clients [D-11]', async () => {
    const owner = await newOwner();
    await using client = await attach(owner);
    await owner.append(notices(4));
    await client.untilOffset(owner.sessionId, 5);
    const { meta, events } = sessionKeys(owner.sessionId);
    await redis.xdel(events, `4-${owner.ownership.fence}`, `5-${owner.ownership.fence}`);
    await redis.xsetid(events, `3-${owner.ownership.fence}`);
    await redis.hset(meta, 'head', 3);
    const log = createEventLog(redis);
    const repaired = [4, 5].map((offset) => owner.frames.get(offset) ?? '');
    expect(await log.append({ owner: owner.ownership, first: 4, frames: repaired })).toMatchObject({
      status: 'ok',
    });
    await owner.append(notices(1));
    await client.untilOffset(owner.sessionId, 6);
    expect(coveredOffsets(client.events(owner.sessionId))).toEqual(range(1, 6));
    expect(client.framesOf(owner.sessionId).filter((frame) => frame.type === 'reset')).toHaveLength(1);
  });

  it('that is full refuses prompts and new sessions by name; reading and aborting go on', async () => {
    await using own = await startRedis();
    await using lone = await startGateway({ redis: own });
    const connection = own.connect();
    const owner = await ownSession(connection, await createStoredSession(connection));
    await using client = await connect(lone.wsUrl, { token: TEST_TOKEN });
    const used = Number(/used_memory:(\d+)/.exec(await connection.info('memory'))?.[1]);
    await connection.config('SET', 'maxmemory', Math.round(used * 1.05), 'maxmemory-policy', 'noeviction');
    const content = [{ type: 'text', text: 'hello' }];
    const prompt = { type: 'prompt', sessionId: owner.sessionId, promptId: 'p1', content };
    const full = { code: 'storage_full', retryable: true };
    await until(
      async () =>
        (await client.request({ ...prompt, promptId: crypto.randomUUID() }))['code'] === 'storage_full',
      {
        what: 'prompts to be refused',
      },
    );
    const create = await http(`${lone.url}/v1/sessions`, { method: 'POST', body: { createId: 'c1' } });
    expect([create.status, create.json]).toMatchObject([507, { error: full }]);
    await client.attach(owner.sessionId);
    expect(client.lastOffset(owner.sessionId)).toBe(1);
    expect(await client.request({ type: 'abort', sessionId: owner.sessionId })).toMatchObject({
      type: 'ack',
    });
    await connection.config('SET', 'maxmemory', 0);
    await until(async () => (await client.request(prompt)).type === 'ack', {
      what: 'prompts to be accepted again',
    });
  });
});
