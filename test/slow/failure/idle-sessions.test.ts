// A worker that dies with many idle sessions: those are left alone until somebody wants something of them. The children
// are scripted agents: what counts is how many there are.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PromptId, textContent, UserId, WorkerId, type SessionId } from '@holdfast/shared/protocol';
import {
  createCommandInbox,
  createSessionStore,
  createWorkerRegistry,
  type Redis,
  type WorkerIdentity,
} from '@holdfast/shared/store';
import { clientOf, Follower, startSystem, type System } from '../../e2e/support/system.ts';
import { createStoredSession } from '../../support/fake-owner.ts';
import { processesMentioning } from '../../support/proc.ts';

const AGENT = fileURLToPath(new URL('../../../apps/worker/test/children/agent.mjs', import.meta.url));
const IDLE = 500;
const USER = UserId.parse('local');
const info = { version: '0', hostname: 'test', pid: 1, children: 0, capacity: 1, draining: false };

let system: System;
let redis: Redis;

beforeAll(async () => {
  system = await startSystem();
  redis = system.redis.connect();
});
afterAll(async () => system[Symbol.asyncDispose]());

/** A session whose owner is this worker. */
async function owned(worker: WorkerIdentity): Promise<SessionId> {
  const store = createSessionStore(redis);
  const sessionId = await createStoredSession(redis, USER, system.dataDir);
  const observed = await store.read(sessionId);
  if (observed === null) throw new Error('no such session');
  const claim = await store.claim({ observed, ...worker, freshEpoch: 'e2' });
  if (claim.status !== 'claimed') throw new Error(claim.status);
  return sessionId;
}

describe('500 idle sessions of a worker that died', () => {
  it('cost no child and no claim when its one active session is taken over; the next prompt of one finds an owner [E-03]', async () => {
    const dead = { workerId: WorkerId.parse('dead'), incarnation: randomUUID() };
    const registry = createWorkerRegistry(redis);
    await registry.heartbeat(dead, 600_000, info);
    const idle: SessionId[] = [];
    for (let count = 0; count < IDLE; count += 1) idle.push(await owned(dead));
    const active = await owned(dead);
    const content = textContent('say taken over');
    const command = { type: 'prompt' as const, promptId: PromptId.parse('p1'), content, by: USER };
    await createCommandInbox(redis).submit({ sessionId: active, userId: USER, command });
    await registry.noteActive(dead, active);
    await registry.retire(dead);

    await using _worker = await system.startWorker({ CLAUDE_PATH: AGENT, HOLDFAST_WORKER_ID: 'heir' });
    using client = clientOf(system.gateway);
    const follower = new Follower(client.session(active));
    await follower.one('turn_ended', { stopReason: 'end_turn' });
    const ours = await processesMentioning(system.dataDir);
    const agents = ours.filter(
      ({ command }) => command.includes('agent.mjs') && !command.includes('unshare'),
    );
    expect(agents).toHaveLength(1);
    const store = createSessionStore(redis);
    const after = await Promise.all(idle.map(async (sessionId) => store.read(sessionId)));
    expect(after.filter((meta) => meta?.owner?.workerId === 'dead' && meta.head === 1)).toHaveLength(IDLE);

    const one = new Follower(client.session(idle[7] ?? active));
    await one.turn('say found');
    expect(one.all('owner_changed')).toMatchObject([{ workerId: 'heir' }]);
    follower.stop();
    one.stop();
  });
});
