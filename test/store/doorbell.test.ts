// A worker's own doorbell: how a session that nobody owns is offered to its last owner first.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintSessionId, UserId, WorkerId, type SessionId } from '@holdfast/shared/protocol';
import {
  createCommandInbox,
  createSessionStore,
  createSubscriber,
  createSubscriberRedis,
  createWorkerRegistry,
  workerDoorbell,
  type Redis,
  type Subscriber,
} from '@holdfast/shared/store';
import { createStoredSession } from '../support/fake-owner.ts';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

let server: TestRedis;
let redis: Redis;
let subscriber: Subscriber;
const info = { version: '1', hostname: 'h', pid: 1, children: 0, capacity: 1, draining: false };

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  subscriber = createSubscriber(
    createSubscriberRedis(server.address, silentLogger, 'test-sub'),
    silentLogger,
  );
});
afterAll(async () => {
  subscriber.close();
  await server[Symbol.asyncDispose]();
});

/** A living worker that exists in Redis only. */
async function living(name: string): Promise<{ workerId: WorkerId; incarnation: string }> {
  const identity = { workerId: WorkerId.parse(name), incarnation: randomUUID() };
  await createWorkerRegistry(redis).heartbeat(identity, 60_000, info);
  return identity;
}

async function submitOpen(sessionId: SessionId): ReturnType<ReturnType<typeof createCommandInbox>['submit']> {
  const userId = UserId.parse('local');
  const command = { type: 'open' as const, by: userId };
  return createCommandInbox(redis).submit({ sessionId, userId, command });
}

describe("a worker's doorbell [E-02]", () => {
  it('is heard while the worker lives and listens, and names the session', async () => {
    const { workerId } = await living('listens');
    const registry = createWorkerRegistry(redis);
    const sessionId = mintSessionId();
    expect(await registry.ring(workerId, sessionId)).toBe(false);
    const heard: string[] = [];
    await subscriber.subscribe(workerDoorbell(workerId), (body) => void heard.push(body.toString()));
    expect(await registry.ring(workerId, sessionId)).toBe(true);
    await until(() => heard.length > 0, { what: 'the ring' });
    expect(heard).toEqual([sessionId]);
  });

  it('of a worker whose lease is over is not rung, although somebody listens', async () => {
    const identity = await living('retired');
    const registry = createWorkerRegistry(redis);
    await subscriber.subscribe(workerDoorbell(identity.workerId), () => {});
    await registry.retire(identity);
    expect(await registry.ring(identity.workerId, mintSessionId())).toBe(false);
    expect(await registry.ring(WorkerId.parse('never-seen'), mintSessionId())).toBe(false);
  });
});

describe('the last owner of a session [E-02]', () => {
  it('is told with each command: nobody, the owner, and who gave it up', async () => {
    const identity = await living('w1');
    const store = createSessionStore(redis);
    const sessionId = await createStoredSession(redis);
    expect(await submitOpen(sessionId)).toMatchObject({ owner: null, lastOwner: null });
    const observed = await store.read(sessionId);
    if (observed === null) throw new Error('no such session');
    const claim = await store.claim({ observed, ...identity, freshEpoch: 'e2' });
    if (claim.status !== 'claimed') throw new Error(claim.status);
    expect(await submitOpen(sessionId)).toMatchObject({ owner: identity, lastOwner: 'w1' });
    await store.release(claim.ownership);
    expect(await submitOpen(sessionId)).toMatchObject({ owner: null, lastOwner: 'w1' });
  });
});
