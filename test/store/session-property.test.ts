// The session scripts against their model: random commands of several workers and users, with failovers that lose
// what happened since the last replication, claims among it.
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintSessionId, UserId, WorkerId } from '@holdfast/shared/protocol';
import { createEventLog, createSessionStore, QUEUE_CAP, type Redis } from '@holdfast/shared/store';
import { createStoredSession, ownSession } from '../support/fake-owner.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { firstSteps, sessionSteps, type Real } from './session-commands.ts';
import { SessionModel } from './session-model.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

describe('the session scripts', () => {
  it('answer and store what the model says, over failovers too [E-01]', async () => {
    let failovers = 0;
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(sessionSteps, async (steps) => {
        const real: Real = {
          redis,
          sessionId: mintSessionId(),
          owners: [],
          observed: null,
          saved: [],
          outcomes,
          failovers: 0,
        };
        await fc.asyncModelRun(
          () => ({ model: new SessionModel(QUEUE_CAP), real }),
          [...firstSteps, ...steps],
        );
        failovers += real.failovers;
      }),
      { numRuns: 120 },
    );
    expect(failovers).toBeGreaterThan(0);
    expect([...outcomes].sort()).toEqual([
      ...['acknowledge: fenced', 'acknowledge: ok'],
      ...['append: duplicate', 'append: fenced', 'append: gap', 'append: not_found', 'append: ok'],
      ...['claim: claimed', 'claim: lost', 'claim: not_found'],
      ...['create: created', 'create: exists', 'create: gone'],
      ...['delete: deleted', 'delete: fenced', 'delete: not_found'],
      ...['release: fenced', 'release: released'],
      ...['resume: ahead', 'resume: continue', 'resume: epoch', 'resume: new', 'resume: not_found'],
      ...['resume: trimmed', 'submit: accepted', 'submit: duplicate', 'submit: not_found'],
    ]);
  });

  it('a claim that a failover lost leaves one writer, and the next claim is above both [E-01]', async () => {
    await using replica = await startRedis();
    const other = replica.connect();
    const sessionId = await createStoredSession(redis);
    const old = await ownSession(redis, sessionId);
    await copySession(redis, other, sessionId);
    const lost = await ownSession(redis, sessionId);
    const on = createEventLog(other);
    const append = async (owner: typeof old.ownership, first: number): Promise<string> =>
      (await on.append({ owner, first, frames: [`{"offset":${first}}`] })).status;
    expect(await append(lost.ownership, 2)).toBe('fenced');
    expect(await append(old.ownership, 2)).toBe('ok');
    const store = createSessionStore(other);
    const observed = await store.read(sessionId);
    if (observed === null) throw new Error('the session was not copied');
    const next = await store.claim({
      ...{ observed, workerId: WorkerId.parse('w3'), incarnation: 'i3' },
      freshEpoch: 'fresh',
    });
    if (next.status !== 'claimed') throw new Error(next.status);
    expect(next.ownership.fence).toBeGreaterThan(Math.max(old.ownership.fence, lost.ownership.fence));
    expect(next).toMatchObject({ epochChanged: true });
    expect([await append(lost.ownership, 3), await append(old.ownership, 3)]).toEqual(['fenced', 'fenced']);
    expect(await append(next.ownership, 3)).toBe('ok');
    expect(await store.delete(old.ownership, UserId.parse('local'))).toBe('fenced');
  });
});

/** What a replica has: the session as it was when it was copied. */
async function copySession(from: Redis, to: Redis, sessionId: string): Promise<void> {
  for (const key of await from.keys(`*${sessionId}*`)) {
    const dump = await from.dumpBuffer(key);
    if (dump !== null) await to.restore(key, 0, dump);
  }
}
