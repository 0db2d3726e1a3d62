// Redis Cluster is kept possible by one rule: a session script touches keys and channels of its own hash tag only.
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Command,
  CreateId,
  mintSessionId,
  partitionOf,
  textContent,
  UserId,
  WorkerId,
  type SessionId,
} from '@holdfast/shared/protocol';
import {
  createCommandInbox,
  createEventLog,
  createSessionRoles,
  createSessionStore,
  createWorkerRegistry,
  sessionKeys,
  storedKeysOf,
  type Redis,
} from '@holdfast/shared/store';
import { startCluster, type TestCluster } from '../support/cluster.ts';

describe('the keys of a session', () => {
  it('and its channels all carry its partition as hash tag', () => {
    for (let count = 0; count < 500; count += 1) {
      const sessionId = mintSessionId();
      const tag = `{${partitionOf(sessionId)}}`;
      for (const key of [...Object.values(sessionKeys(sessionId)), ...storedKeysOf(sessionId)]) {
        expect(key.match(/\{[^}]*\}/g)).toEqual([tag]);
        expect(key).toContain(sessionId);
      }
    }
  });
});

describe('a cluster of three masters', () => {
  let cluster: TestCluster;
  let connection: Cluster;
  let redis: Redis;

  beforeAll(async () => {
    cluster = await startCluster();
    connection = new Cluster(cluster.ports.map((port) => ({ host: '127.0.0.1', port })));
    redis = connection as unknown as Redis; // the store uses commands that both have
  });
  afterAll(async () => {
    connection.disconnect();
    await cluster[Symbol.asyncDispose]();
  });

  const user = UserId.parse('local');
  const identity = { workerId: WorkerId.parse('w1'), incarnation: 'i1' };

  async function create(name: string): Promise<SessionId> {
    const store = createSessionStore(redis);
    const { sessionId } = await store.reserveId(user, CreateId.parse(name));
    const settings = { permissionMode: 'default' as const, allowedTools: [], disallowedTools: [] };
    const frame = '{"offset":1}';
    const session = { sessionId, userId: user, epoch: 'e1', cwd: '/w', title: null, settings, frame, at: 1 };
    expect(await store.create(session)).toBe('created');
    return sessionId;
  }

  it('runs every script of a session, wherever the session lives', async () => {
    const store = createSessionStore(redis);
    const inbox = createCommandInbox(redis);
    const log = createEventLog(redis);
    const slots = new Set<number>();
    for (let index = 0; index < 12; index += 1) {
      const sessionId = await create(`c${index}`);
      slots.add(await connection.cluster('KEYSLOT', sessionKeys(sessionId).meta));
      const prompt = {
        type: 'prompt',
        promptId: 'p1',
        content: textContent('hi'),
        by: user,
      };
      const command = Command.parse(prompt);
      expect(await inbox.submit({ sessionId, userId: user, command })).toMatchObject({ status: 'accepted' });
      const observed = await store.read(sessionId);
      if (observed === null) throw new Error('the session is not there');
      const claim = await store.claim({ observed, ...identity, freshEpoch: 'e2' });
      if (claim.status !== 'claimed') throw new Error(claim.status);
      const other = { sessionId, userId: UserId.parse('other') };
      const roles = createSessionRoles(redis);
      expect(await roles.share(user, { ...other, role: 'viewer' })).toBe('changed');
      expect(await roles.unshare(user, other)).toBe('changed');
      const owner = claim.ownership;
      const effects = {
        ...{ history: [0], ackSeq: 1, meta: { status: 'running' } },
        queue: [{ op: 'put' as const, promptId: 'p1', json: '{}', score: 1 }],
        approvals: [{ op: 'open' as const, approvalId: 'a1', json: '{}' }],
        ...{ snapshot: { offset: 2, json: '{"offset":2}' }, trimBefore: 2 },
      };
      const appended = await log.append({ owner, first: 2, frames: ['{"offset":2}'], effects });
      expect(appended).toMatchObject({ status: 'ok', head: 2 });
      expect(await inbox.acknowledge(owner, 1)).toBe('ok');
      const position = { epoch: 'e1', offset: 0 };
      const resumed = await log.resume({ sessionId, userId: user, position, limit: 10 });
      expect(resumed).toMatchObject({ status: 'reset', reason: 'trimmed', snapshotOffset: 2 });
      expect(await log.heads([sessionId])).toMatchObject([{ epoch: 'e1', head: 2 }]);
      expect(await store.delete(owner, user)).toBe('deleted');
    }
    expect(slots.size).toBeGreaterThan(1);
  });

  it('gives a session up by script too', async () => {
    const store = createSessionStore(redis);
    const observed = await store.read(await create('released'));
    if (observed === null) throw new Error('the session is not there');
    const claim = await store.claim({ observed, ...identity, freshEpoch: 'e2' });
    if (claim.status !== 'claimed') throw new Error(claim.status);
    expect(await store.release(claim.ownership)).toBe('released');
    expect(await createSessionRoles(redis).roleOf(observed.sessionId, user)).toBe('owner');
  });

  it('runs the scripts of the registry', async () => {
    const registry = createWorkerRegistry(redis);
    const info = { version: '1', hostname: 'h', pid: 1, children: 0, capacity: 1, draining: false };
    expect(await registry.heartbeat(identity, 60_000, info)).toBe('alive');
    const sessionId = mintSessionId();
    expect(await registry.noteActive(identity, sessionId)).toBe(true);
    expect(await registry.activeSessions(identity.workerId)).toEqual([sessionId]);
    expect(await registry.electReaper(identity, 60_000)).toEqual([]);
    expect(await registry.ring(identity.workerId, sessionId)).toBe(false);
    await registry.retire(identity);
    expect(await registry.isAlive(identity)).toBe(false);
    expect(await registry.forget(identity.workerId)).toBe('forgotten');
  });
});
