// Clients that do not keep up, and connections that went silent. The slow ones run side by side.
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Redis } from '@holdfast/shared/store';
import { createStoredSession, deltas, notices, ownSession, type FakeOwner } from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { openSse } from '../support/sse-client.ts';
import { until } from '../support/until.ts';
import { connect, coveredOffsets, range, type ReceivedEvent } from '../support/ws-client.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

const newOwner = async (): Promise<FakeOwner> => ownSession(redis, await createStoredSession(redis));
const BATCHES = 100;
/** About 20 MB: more than the kernel takes for a connection that nobody reads. */
const flood = async (owner: FakeOwner): Promise<void> => {
  for (let batch = 0; batch < BATCHES; batch += 1) await owner.append(deltas(100, 'x'.repeat(2_000)));
};
const residentMiB = async (gateway: TestGateway): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
const textOf = (events: readonly ReceivedEvent[]): string =>
  events.map((event) => (event.type === 'message_delta' ? String(event['text']) : '')).join('');

describe.concurrent('a client that does not keep up', { timeout: 90_000 }, () => {
  it('catches up with merged deltas: the same text, no hole, no repeat, no reset [D-08] [D-09]', async ({
    expect,
  }) => {
    await using gateway = await startGateway({ redis: server });
    const owner = await newOwner();
    const { sessionId } = owner;
    await using slow = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    await slow.attach(sessionId);
    slow.socket.pause();
    await flood(owner);
    slow.socket.resume();
    await slow.untilOffset(sessionId, owner.head, 20_000);
    const events = slow.events(sessionId);
    expect(coveredOffsets(events)).toEqual(range(1, owner.head));
    expect(events.some((event) => event.upTo !== undefined)).toBe(true);
    expect(textOf(events)).toBe('x'.repeat(BATCHES * 100 * 2_000));
    await owner.append(notices(1));
    await slow.untilOffset(sessionId, owner.head);
    expect(slow.events(sessionId).at(-1)).toMatchObject({ type: 'notice' });
    expect(slow.framesOf(sessionId).filter((frame) => frame.type === 'reset')).toHaveLength(1);
  });

  it('at all costs bounded memory, hurts nobody, and is closed with a code that says resume [D-08]', async ({
    expect,
  }) => {
    await using gateway = await startGateway({ redis: server });
    const owner = await newOwner();
    const { sessionId } = owner;
    const { epoch } = owner.ownership;
    await using dead = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    await using quick = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    await dead.attach(sessionId);
    await quick.attach(sessionId);
    await flood(owner);
    await dead.untilOffset(sessionId, owner.head, 20_000);
    const warmMiB = await residentMiB(gateway);
    dead.socket.pause();
    // Late enough to be given up, early enough to read why.
    const readingAgain = setTimeout(() => dead.socket.resume(), 17_000);
    for (let round = 0; round < 3; round += 1) await flood(owner);
    await quick.untilOffset(sessionId, owner.head, 20_000);
    expect((await residentMiB(gateway)) - warmMiB).toBeLessThan(45);
    expect(quick.events(sessionId).every((event) => event.upTo === undefined)).toBe(true);
    expect(await dead.closed).toEqual({ code: 4008, reason: 'slow_consumer' });
    clearTimeout(readingAgain);
    expect(dead.frames.at(-1)).toMatchObject({ type: 'error', code: 'slow_consumer', retryable: true });
    const offset = dead.lastOffset(sessionId);
    expect(coveredOffsets(dead.events(sessionId))).toEqual(range(1, offset));
    await using back = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    expect(await back.request({ type: 'attach', sessionId, position: { epoch, offset } })).toMatchObject({
      type: 'attached',
    });
    await back.untilOffset(sessionId, owner.head, 20_000);
    expect(coveredOffsets(back.events(sessionId))).toEqual(range(offset + 1, owner.head));
  });
});

describe.concurrent('a stream', { timeout: 60_000 }, () => {
  it('on which nothing happens gets comments, which have no id [D-12]', async ({ expect }) => {
    await using gateway = await startGateway({ redis: server });
    const owner = await newOwner();
    await using stream = await openSse(`${gateway.url}/v1/sessions/${owner.sessionId}/events`);
    await until(() => stream.comments.length > 0, { what: 'a comment', limitMs: 20_000 });
    expect(stream.lastId()).toBe(`${owner.ownership.epoch}:1`);
  });

  it('that is left before it was answered is not followed any further', async ({ expect }) => {
    await using gateway = await startGateway({ redis: server });
    const owner = await newOwner();
    const url = `${gateway.url}/v1/sessions/${owner.sessionId}/events`;
    const headers = { authorization: `Bearer ${TEST_TOKEN}` };
    for (let call = 0; call < 30; call += 1) {
      const leaving = request(url, { headers, agent: false }).on('error', () => undefined);
      const gone = new Promise((resolve) => leaving.once('close', resolve));
      // The request is on its way with the connection; its answer takes some round trips more.
      leaving.once('socket', (socket) => socket.once('connect', () => setImmediate(() => leaving.destroy())));
      leaving.end();
      await gone;
    }
    await until(async () => (await http(`${gateway.url}/healthz`)).status === 200, { what: 'an answer' });
    await until(async () => (await redis.pubsub('SHARDCHANNELS', `*${owner.sessionId}*`)).length === 0, {
      what: 'the gateway to leave the session',
    });
    expect(gateway.isRunning()).toBe(true);
  });
});

describe.concurrent('a connection', { timeout: 60_000 }, () => {
  it('without hello is closed after 10 s', async ({ expect }) => {
    await using gateway = await startGateway({ redis: server });
    await using client = await connect(gateway.wsUrl);
    const before = performance.now();
    expect(await client.closed).toEqual({ code: 4408, reason: 'hello_late' });
    expect(performance.now() - before).toBeGreaterThan(9_000);
    expect(performance.now() - before).toBeLessThan(12_000);
  });
});
