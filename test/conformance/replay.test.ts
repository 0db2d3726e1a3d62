// Positions, replay and live events, over WebSocket, against real gateway processes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMPTY_VIEW } from '@holdfast/shared/protocol';
import type { Redis } from '@holdfast/shared/store';
import {
  changeServer,
  createStoredSession,
  notices,
  ownSession,
  writeUntil,
  type FakeOwner,
} from '../support/fake-owner.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { connect, coveredOffsets, range, type TestClient } from '../support/ws-client.ts';

let server: TestRedis;
let redis: Redis;
let one: TestGateway;
let two: TestGateway;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  [one, two] = await Promise.all([startGateway({ redis: server }), startGateway({ redis: server })]);
});
afterAll(async () => {
  await Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()]);
  await server[Symbol.asyncDispose]();
});

const open = async (gateway: TestGateway): Promise<TestClient> =>
  connect(gateway.wsUrl, { token: TEST_TOKEN });
const newOwner = async (): Promise<FakeOwner> => ownSession(redis, await createStoredSession(redis));

describe('attach', () => {
  it('without a position answers with the empty view and every event, then live ones [D-05]', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    await owner.append(notices(3));
    await using client = await open(one);
    const answer = await client.attach(sessionId);
    const { epoch } = owner.ownership;
    expect(answer).toMatchObject({ type: 'attached', position: { epoch, offset: 4 }, status: 'idle' });
    await owner.append(notices(2));
    await client.untilOffset(sessionId, 6);
    expect(client.framesOf(sessionId).map((frame) => frame.type)).toEqual([
      'attached',
      'reset',
      'events',
      'caughtUp',
      'events',
    ]);
    const [, reset, , caughtUp] = client.framesOf(sessionId);
    expect(reset).toMatchObject({ reason: 'new', position: { epoch, offset: 0 }, snapshot: EMPTY_VIEW });
    expect(caughtUp).toMatchObject({ position: { epoch, offset: 4 } });
    expect(coveredOffsets(client.events(sessionId))).toEqual(range(1, 6));
  });

  it('passes frames on as their owner wrote them, byte for byte', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    await using client = await open(one);
    await client.attach(sessionId);
    await owner.append([{ type: 'notice', kind: 'info', text: 'quotes " and ümläuts \u2028 \\ </script>' }]);
    await client.untilOffset(sessionId, 2);
    const last = client.framesOf(sessionId).at(-1);
    const { epoch } = owner.ownership;
    expect(last?.text).toBe(
      `{"type":"events","sessionId":"${sessionId}","epoch":"${epoch}","events":[${owner.frames.get(2)}]}`,
    );
  });

  it('from a position gives exactly the later events, on any gateway [D-01] [D-02]', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    await owner.append(notices(9));
    const { epoch } = owner.ownership;
    for (const offset of [0, 1, 5, 9, 10]) {
      await using client = await open(two);
      await client.attach(sessionId, { epoch, offset });
      expect(client.framesOf(sessionId).some((frame) => frame.type === 'reset')).toBe(false);
      expect(coveredOffsets(client.events(sessionId))).toEqual(range(offset + 1, 10));
    }
  });

  it('a client cut in mid-stream goes on at the other gateway without a hole or a repeat [D-02]', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    const stop = new AbortController();
    const writing = writeUntil(stop.signal, owner);
    const seen: number[] = [];
    let position = { epoch: owner.ownership.epoch, offset: 0 };
    for (let cut = 0; cut < 6; cut += 1) {
      await using client = await open(cut % 2 === 0 ? one : two);
      await client.attach(sessionId, position);
      await client.untilOffset(sessionId, position.offset + 40);
      client.socket.terminate();
      const events = client.events(sessionId);
      seen.push(...coveredOffsets(events));
      position = { ...position, offset: client.lastOffset(sessionId) };
    }
    stop.abort();
    await writing;
    await using client = await open(one);
    await client.attach(sessionId, position);
    await client.untilOffset(sessionId, owner.head);
    seen.push(...coveredOffsets(client.events(sessionId)));
    expect(seen).toEqual(range(1, owner.head));
  });

  it('replays a long log in pages, with live events arriving meanwhile, each event once', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    for (let batch = 0; batch < 20; batch += 1) await owner.append(notices(100));
    await using client = await open(one);
    const attached = client.attach(sessionId);
    for (let batch = 0; batch < 50; batch += 1) await owner.append(notices(3));
    await attached;
    await client.untilOffset(sessionId, owner.head);
    expect(coveredOffsets(client.events(sessionId))).toEqual(range(1, owner.head));
    expect(client.framesOf(sessionId).filter((frame) => frame.type === 'caughtUp')).toHaveLength(1);
  });
});

describe('a position that cannot be served', () => {
  it('of a trimmed part gets the snapshot and what follows it [D-03]', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    await owner.append(notices(9));
    await owner.append(notices(1), () => ({
      snapshot: { offset: 11, json: JSON.stringify({ ...EMPTY_VIEW, offset: 11, title: 'kept' }) },
      trimBefore: 11,
    }));
    await owner.append(notices(2));
    const { epoch } = owner.ownership;
    await using client = await open(one);
    await client.attach(sessionId, { epoch, offset: 3 });
    const [, reset] = client.framesOf(sessionId);
    expect(reset).toMatchObject({ type: 'reset', reason: 'trimmed', position: { epoch, offset: 11 } });
    expect(reset).toMatchObject({ snapshot: { title: 'kept', offset: 11 } });
    expect(coveredOffsets(client.events(sessionId))).toEqual([12, 13]);
    await using late = await open(two);
    await late.attach(sessionId, { epoch, offset: 10 });
    expect(late.framesOf(sessionId).map((frame) => frame.type)).toEqual(['attached', 'events', 'caughtUp']);
    expect(coveredOffsets(late.events(sessionId))).toEqual([11, 12, 13]);
  });

  it('ahead of the head, or of another epoch, gets a reset with its reason [D-03]', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    await owner.append(notices(2));
    const { epoch } = owner.ownership;
    await using client = await open(one);
    await client.attach(sessionId, { epoch, offset: 99 });
    expect(client.framesOf(sessionId)[1]).toMatchObject({ type: 'reset', reason: 'ahead' });
    await using other = await open(one);
    await other.attach(sessionId, { epoch: 'another', offset: 2 });
    expect(other.framesOf(sessionId)[1]).toMatchObject({ type: 'reset', reason: 'epoch' });
    expect(coveredOffsets(other.events(sessionId))).toEqual([1, 2, 3]);
  });

  it('an epoch that changes while clients are attached resets them, then goes on [D-03]', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    await owner.append(notices(2));
    await using client = await open(one);
    await client.attach(sessionId);
    await changeServer(redis, sessionId);
    const next = await ownSession(redis, sessionId);
    expect(next.ownership.epoch).not.toBe(owner.ownership.epoch);
    await next.append(notices(2));
    await client.untilOffset(sessionId, 5);
    await until(() => client.framesOf(sessionId).filter((frame) => frame.type === 'caughtUp').length === 2, {
      what: 'the second caughtUp',
    });
    const frames = client.framesOf(sessionId);
    const resets = frames.filter((frame) => frame.type === 'reset');
    expect(resets.map((frame) => frame['reason'])).toEqual(['new', 'epoch']);
    const after = frames.slice(frames.findLastIndex((frame) => frame.type === 'reset'));
    const events = after.flatMap((frame) => (frame.type === 'events' ? frame['events'] : []));
    expect(events).toMatchObject(range(1, 5).map((offset) => ({ offset })));
    expect(after.at(-1)).toMatchObject({
      type: 'caughtUp',
      position: { epoch: next.ownership.epoch, offset: 5 },
    });
  });
});

describe('several clients', () => {
  it('follow one session over two gateways, and none takes an event from another [D-04]', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    const clients = await Promise.all([open(one), open(one), open(two)]);
    await Promise.all(clients.map(async (client) => client.attach(sessionId)));
    for (let batch = 0; batch < 30; batch += 1) await owner.append(notices(2));
    await Promise.all(clients.map(async (client) => client.untilOffset(sessionId, 61)));
    for (const client of clients) expect(coveredOffsets(client.events(sessionId))).toEqual(range(1, 61));
    await Promise.all(clients.map(async (client) => client[Symbol.asyncDispose]()));
  });

  it('one that detaches gets no more events, and may attach again', async () => {
    const owner = await newOwner();
    const { sessionId } = owner;
    await using leaving = await open(one);
    await using staying = await open(one);
    await leaving.attach(sessionId);
    await staying.attach(sessionId);
    expect(await leaving.request({ type: 'detach', sessionId })).toMatchObject({ type: 'ack', sessionId });
    await owner.append(notices(3));
    await staying.untilOffset(sessionId, 4);
    expect(leaving.lastOffset(sessionId)).toBe(1);
    const { epoch } = owner.ownership;
    await leaving.attach(sessionId, { epoch, offset: 1 });
    await leaving.untilOffset(sessionId, 4);
    expect(coveredOffsets(leaving.events(sessionId))).toEqual(range(1, 4));
  });
});
