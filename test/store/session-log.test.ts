import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CreateId, PromptId, UserId, WorkerId, type SessionId } from '@holdfast/shared/protocol';
import {
  createCommandInbox,
  createEventLog,
  createSessionStore,
  createSubscriber,
  createSubscriberRedis,
  createWorkerRegistry,
  splitPublishBody,
  storedKeysOf,
  type Ownership,
  type Redis,
} from '@holdfast/shared/store';
import { changeServer, createStoredSession, ownSession } from '../support/fake-owner.ts';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const user = UserId.parse('local');
const worker = WorkerId.parse('w1');
let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

async function newSession(createId: string): Promise<SessionId> {
  const store = createSessionStore(redis);
  const { sessionId } = await store.reserveId(user, CreateId.parse(createId));
  const settings = { permissionMode: 'default' as const, allowedTools: [], disallowedTools: [] };
  const frame = `{"offset":1,"type":"session_created","n":"${createId}"}`;
  await store.create({
    sessionId,
    userId: user,
    epoch: 'e1',
    cwd: '/w',
    title: null,
    settings,
    frame,
    at: 1,
  });
  return sessionId;
}

async function claim(sessionId: SessionId, incarnation: string): Promise<Ownership> {
  const store = createSessionStore(redis);
  const observed = await store.read(sessionId);
  if (observed === null) throw new Error('no session');
  const result = await store.claim({
    observed,
    workerId: worker,
    incarnation,
    freshEpoch: 'e2',
  });
  if (result.status !== 'claimed') throw new Error(result.status);
  return result.ownership;
}

const frames = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `{"offset":${first + index},"type":"notice"}`);

describe('append', () => {
  it('stores dense offsets and answers a repeated batch without writing it again', async () => {
    const log = createEventLog(redis);
    const sessionId = await newSession('append-1');
    const owner = await claim(sessionId, 'i1');
    expect(await log.append({ owner, first: 2, frames: frames(2, 3) })).toMatchObject({
      status: 'ok',
      head: 4,
    });
    expect(await log.append({ owner, first: 2, frames: frames(2, 3) })).toEqual({
      status: 'duplicate',
      head: 4,
    });
    expect(await log.append({ owner, first: 6, frames: frames(6, 1) })).toEqual({ status: 'gap', head: 4 });
    const stored = await log.readAfter({ sessionId, after: 1, limit: 10 });
    expect(stored).toEqual(frames(2, 3).map((frame, index) => ({ offset: 2 + index, frame })));
  });

  it('refuses a worker whose fence is older, and another incarnation of the same worker [E-01]', async () => {
    const log = createEventLog(redis);
    const sessionId = await newSession('append-2');
    const old = await claim(sessionId, 'i1');
    const next = await claim(sessionId, 'i2');
    expect(next.fence).toBeGreaterThan(old.fence);
    expect(await log.append({ owner: old, first: 2, frames: frames(2, 1) })).toMatchObject({
      status: 'fenced',
    });
    const impostor = { ...next, incarnation: 'i3' };
    expect(await log.append({ owner: impostor, first: 2, frames: frames(2, 1) })).toMatchObject({
      status: 'fenced',
    });
    expect(await log.append({ owner: next, first: 2, frames: frames(2, 1) })).toMatchObject({
      status: 'ok',
      head: 2,
    });
  });

  it('publishes what it stored, with a header that tells the place', async () => {
    const log = createEventLog(redis);
    const sessionId = await newSession('append-3');
    const owner = await claim(sessionId, 'i1');
    const subscriberRedis = createSubscriberRedis(server.address, silentLogger, 'sub');
    const subscriber = createSubscriber(subscriberRedis, silentLogger);
    const bodies: string[] = [];
    const channel = `hf:{${sessionId.slice(1, 3)}}:${sessionId}:live`;
    await subscriber.subscribe(channel, (body) => bodies.push(body.toString()));
    await log.append({ owner, first: 2, frames: frames(2, 2) });
    const body = await until(() => bodies[0], { what: 'the live message' });
    const split = splitPublishBody(Buffer.from(body));
    expect(split?.header).toEqual({ epoch: 'e1', fence: owner.fence, first: 2, count: 2 });
    expect(JSON.parse(split?.frames.toString() ?? '')).toEqual(
      frames(2, 2).map((frame) => JSON.parse(frame)),
    );
    subscriber.close();
  });

  it('applies its effects in the same step', async () => {
    const log = createEventLog(redis);
    const inbox = createCommandInbox(redis);
    const sessionId = await newSession('append-4');
    const owner = await claim(sessionId, 'i1');
    const promptId = PromptId.parse('p1');
    const command = {
      type: 'prompt' as const,
      promptId,
      content: [{ type: 'text' as const, text: 'hi' }],
      by: user,
    };
    expect(await inbox.submit({ sessionId, userId: user, command })).toMatchObject({
      status: 'accepted',
      seq: 1,
    });
    expect(await inbox.submit({ sessionId, userId: user, command })).toMatchObject({ status: 'duplicate' });
    await log.append({
      owner,
      first: 2,
      frames: frames(2, 4),
      effects: {
        ackSeq: 1,
        history: [0],
        meta: { status: 'running', turn: 't1' },
        queue: [{ op: 'put', promptId, json: '{}', score: 1 }],
        approvals: [{ op: 'open', approvalId: 'a1', json: '{}' }],
        snapshot: { offset: 5, json: '{"offset":5}' },
        trimBefore: 5,
      },
    });
    expect(await inbox.readAfter(sessionId, 0)).toEqual([]);
    expect(await createSessionStore(redis).read(sessionId)).toMatchObject({
      status: 'running',
      turnId: 't1',
      inboxAcked: 1,
      head: 5,
    });
    expect((await log.readAfter({ sessionId, after: 0, limit: 10 })).map((stored) => stored.offset)).toEqual([
      5,
    ]);
    expect((await log.readHistory({ sessionId, before: null, limit: 10 })).map((s) => s.offset)).toEqual([
      1, 2,
    ]);
    const trimmed = await log.resume({
      sessionId,
      userId: user,
      position: { epoch: 'e1', offset: 2 },
      limit: 10,
    });
    expect(trimmed).toMatchObject({
      status: 'reset',
      reason: 'trimmed',
      snapshotOffset: 5,
      snapshot: '{"offset":5}',
    });
  });
});

describe('resume', () => {
  it('continues exactly, or says why it cannot [D-03]', async () => {
    const log = createEventLog(redis);
    const sessionId = await newSession('resume-1');
    const owner = await claim(sessionId, 'i1');
    await log.append({ owner, first: 2, frames: frames(2, 3) });
    const resume = async (epoch: string, offset: number) =>
      log.resume({ sessionId, userId: user, position: { epoch, offset }, limit: 10 });
    expect(await resume('e1', 2)).toEqual({
      status: 'continue',
      epoch: 'e1',
      head: 4,
      sessionStatus: 'idle',
      frames: frames(3, 2),
    });
    expect(await resume('e1', 4)).toMatchObject({ status: 'continue', frames: [] });
    expect(await resume('e0', 2)).toMatchObject({ status: 'reset', reason: 'epoch', snapshotOffset: 0 });
    expect(await resume('e1', 9)).toMatchObject({ status: 'reset', reason: 'ahead' });
    const fresh = await log.resume({ sessionId, userId: user, position: null, limit: 10 });
    expect(fresh).toMatchObject({ status: 'reset', reason: 'new', snapshot: null });
    expect(fresh.status === 'reset' ? fresh.frames.length : 0).toBe(4);
  });

  it('answers a foreign user like an unknown session', async () => {
    const sessionId = await newSession('resume-2');
    const stranger = UserId.parse('stranger');
    const log = createEventLog(redis);
    expect(await log.resume({ sessionId, userId: stranger, position: null, limit: 1 })).toEqual({
      status: 'not_found',
    });
  });
});

describe('records', () => {
  it('a repeated createId leads to the same session', async () => {
    expect(await newSession('same')).toBe(await newSession('same'));
  });

  it('a claim on what somebody else claimed meanwhile is lost', async () => {
    const sessionId = await newSession('claim-1');
    const store = createSessionStore(redis);
    const observed = await store.read(sessionId);
    if (observed === null) throw new Error('no session');
    const input = { observed, workerId: worker, freshEpoch: 'e2' };
    expect(await store.claim({ ...input, incarnation: 'i1' })).toMatchObject({ status: 'claimed' });
    expect(await store.claim({ ...input, incarnation: 'i2' })).toEqual({ status: 'lost' });
  });

  it('a claim on another Redis server run starts a new epoch and keeps the offsets', async () => {
    const sessionId = await newSession('claim-2');
    await claim(sessionId, 'i1');
    await changeServer(redis, sessionId);
    const store = createSessionStore(redis);
    const observed = await store.read(sessionId);
    if (observed === null) throw new Error('no session');
    const input = { observed, workerId: worker, incarnation: 'i2', freshEpoch: 'e2' };
    expect(await store.claim(input)).toMatchObject({ status: 'claimed', epochChanged: true, head: 1 });
    const again = await claim(sessionId, 'i3');
    expect(again.epoch).toBe('e2');
  });

  it('a claim on a server that was a replica in between starts a new epoch', async () => {
    await using other = await startRedis();
    const own = other.connect();
    const sessionId = await createStoredSession(own);
    const before = await ownSession(own, sessionId);
    await own.replicaof('127.0.0.1', '1');
    await own.replicaof('NO', 'ONE');
    const after = await ownSession(own, sessionId);
    expect(after.ownership.epoch).not.toBe(before.ownership.epoch);
  });

  it('delete leaves no key of the session', async () => {
    const sessionId = await newSession('delete-1');
    const owner = await claim(sessionId, 'i1');
    await createEventLog(redis).append({ owner, first: 2, frames: frames(2, 1), effects: { history: [0] } });
    expect(await createSessionStore(redis).delete(owner, user)).toBe('deleted');
    expect(await redis.exists(...storedKeysOf(sessionId))).toBe(0);
    expect(await redis.keys(`*${sessionId}*`)).toEqual([]);
  });
});

describe('workers', () => {
  it('a name belongs to one living incarnation, and is free after it retired', async () => {
    const registry = createWorkerRegistry(redis);
    const info = { version: '1', hostname: 'h', pid: 1, children: 0, capacity: 1, draining: false };
    const one = { workerId: WorkerId.parse('wx'), incarnation: 'a' };
    const two = { ...one, incarnation: 'b' };
    expect(await registry.heartbeat(one, 10_000, info)).toBe('alive');
    expect(await registry.heartbeat(two, 10_000, info)).toBe('taken');
    expect(await registry.isAlive(one)).toBe(true);
    await registry.retire(one);
    expect(await registry.isAlive(one)).toBe(false);
    expect(await registry.heartbeat(two, 10_000, info)).toBe('alive');
  });
});
