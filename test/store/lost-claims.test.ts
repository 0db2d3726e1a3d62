// Leases and claims against a Redis that forgets: nobody writes beyond its lease, and what was noted beside Redis
// tells a claim that it has lost.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WorkerId, type SessionId } from '@holdfast/shared/protocol';
import {
  createCommandInbox,
  createEventLog,
  createSessionStore,
  createWorkerRegistry,
  storedKeysOf,
  type Ownership,
  type Redis,
} from '@holdfast/shared/store';
import { createClaimNotes, type ClaimNotes } from '../../apps/worker/src/claim/claim-notes.ts';
import { claimSession, type ClaimOutcome } from '../../apps/worker/src/claim/claimer.ts';
import { createStoredSession, notices, ownSession } from '../support/fake-owner.ts';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { remember, writeAs } from './event-writing.ts';

const info = { version: '0', hostname: 'h', pid: 1, children: 0, capacity: 1, draining: false };
const LEASE_MS = 600_000;
let server: TestRedis;
let redis: Redis;
let dir: string;
let notes: ClaimNotes;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  dir = await mkdtemp(join(tmpdir(), 'hf-claims-'));
  notes = createClaimNotes(dir, silentLogger);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

interface Claimant {
  readonly identity: { readonly workerId: WorkerId; readonly incarnation: string };
  claim(sessionId: SessionId): Promise<ClaimOutcome>;
  die(): Promise<void>;
}

let named = 0;
async function startClaimant(): Promise<Claimant> {
  named += 1;
  const identity = { workerId: WorkerId.parse(`claimant-${named}`), incarnation: `i${named}` };
  const registry = createWorkerRegistry(redis);
  await registry.heartbeat(identity, LEASE_MS, info);
  const parts = {
    sessions: createSessionStore(redis),
    log: createEventLog(redis),
    inbox: createCommandInbox(redis),
  };
  return {
    identity,
    claim: async (sessionId) =>
      claimSession({ ...parts, registry, identity, notes, maySeize: () => true }, sessionId),
    die: async () => registry.retire(identity),
  };
}

async function ownershipOf(claiming: Promise<ClaimOutcome>): Promise<Ownership> {
  const outcome = await claiming;
  if (outcome.status !== 'claimed') throw new Error(outcome.status);
  return outcome.claimed.owner;
}

/** What Redis has of a session, to be brought back later. */
async function savedState(sessionId: SessionId): Promise<() => Promise<void>> {
  return remember(redis, { sessionId } as Parameters<typeof remember>[1]); // it reads nothing else
}

describe('a lease', () => {
  it('that is over lets nothing be appended, until it is held again [E-01] [E-04]', async () => {
    const owner = await ownSession(redis, await createStoredSession(redis));
    let until_ = 1;
    const { writer, stored, lost } = await writeAs(redis, owner, () => createEventLog(redis, () => until_));
    writer.push(notices(2));
    const log = createEventLog(redis, () => until_);
    const frame = JSON.stringify({ offset: 2 });
    expect(await log.append({ owner: owner.ownership, first: 2, frames: [frame] })).toEqual({
      status: 'expired',
    });
    expect(await stored()).toHaveLength(1);
    until_ = Date.now() + LEASE_MS;
    expect(await writer.flushed()).toBe(true);
    expect(await stored()).toHaveLength(3);
    expect(lost).toEqual([]);
  });

  it('tells with each beat until when it is held, and whether it was held all the time', async () => {
    const registry = createWorkerRegistry(redis);
    const who = { workerId: WorkerId.parse('beater'), incarnation: 'i1' };
    const first = await registry.beat(who, LEASE_MS, info);
    expect(first).toMatchObject({ status: 'alive', isContinued: false });
    expect(await registry.beat(who, 0, info)).toMatchObject({ status: 'alive', isContinued: true });
    expect(await registry.beat(who, LEASE_MS, info)).toMatchObject({ isContinued: false });
    const again = await registry.beat({ ...who, incarnation: 'i2' }, LEASE_MS, info);
    expect(again).toEqual({ status: 'taken' });
  });

  it('given up with its session leaves what waited unwritten, at once [E-04]', async () => {
    const owner = await ownSession(redis, await createStoredSession(redis));
    let asked = 0;
    const { writer, stored, lost } = await writeAs(redis, owner, (log) => ({
      ...log,
      append: async () => {
        asked += 1;
        return { status: 'expired' };
      },
    }));
    writer.push(notices(1));
    await until(() => asked > 0, { what: 'the first try' });
    const flushed = writer.flushed();
    writer.giveUp();
    expect(await flushed).toBe(false);
    writer.push(notices(1));
    expect(await writer.flushed()).toBe(false);
    expect(await stored()).toHaveLength(1);
    expect(lost).toEqual([]);
  });
});

describe('the clock of Redis', () => {
  it('put back leaves no dead worker alive for longer than a lease [E-03]', async () => {
    const registry = createWorkerRegistry(redis);
    const who = { workerId: WorkerId.parse('died-before'), incarnation: 'i1' };
    // As it is left by a worker that beat an hour ahead of now, and then died.
    await registry.heartbeat(who, 3_600_000, info);
    const reaper = { workerId: WorkerId.parse('clock-reaper'), incarnation: 'i1' };
    await registry.electReaper(reaper, 60_000, 200);
    expect(await registry.isAlive(who)).toBe(true);
    await until(async () => !(await registry.isAlive(who)), { what: 'its lease to end', limitMs: 2_000 });
    expect(await registry.electReaper(reaper, 60_000, 200)).toContain(who.workerId);
    expect(Math.abs((await registry.time()) - Date.now())).toBeLessThan(5_000);
  });
});

describe('a claim that Redis has lost', () => {
  it('is respected while its holder lives, and answered by a new epoch once it has let go [E-01]', async () => {
    const sessionId = await createStoredSession(redis);
    const [old, lost, next] = [await startClaimant(), await startClaimant(), await startClaimant()];
    const first = await ownershipOf(old.claim(sessionId));
    const forget = await savedState(sessionId);
    await old.die();
    const second = await ownershipOf(lost.claim(sessionId));
    expect(second).toMatchObject({ epoch: first.epoch });
    await forget();
    expect(await next.claim(sessionId)).toEqual({ status: 'later' });
    await notes.write(
      { userId: (await createSessionStore(redis).read(sessionId))?.userId ?? fail(), sessionId },
      { ...lost.identity, fence: second.fence, isHeld: false },
    );
    const third = await ownershipOf(next.claim(sessionId));
    expect(third.fence).toBeGreaterThan(second.fence);
    // The same server, as far as it knows itself: only the note tells that something is missing.
    expect(third.epoch).not.toBe(first.epoch);
  });

  it('leaves one who may write, over any sequence of claims, deaths and losses [E-01]', async () => {
    const kinds = fc.constantFrom('claim', 'save', 'forget', 'die', 'append');
    const steps = fc.array(fc.tuple(kinds, fc.nat(2)), { minLength: 5, maxLength: 25 });
    await fc.assert(fc.asyncProperty(steps, runSteps), { numRuns: 60 });
  });
});

/** Claimants claim, die and append while Redis forgets: no two of them ever append under one epoch at one offset. */
async function runSteps(steps: readonly (readonly [string, number])[]): Promise<void> {
  const sessionId = await createStoredSession(redis);
  const claimants = [await startClaimant(), await startClaimant(), await startClaimant()];
  const owned = new Map<number, Ownership>();
  const written = new Map<string, number>();
  let forget = await savedState(sessionId);
  const log = createEventLog(redis);
  for (const [kind, index] of steps) {
    const claimant = claimants[index] ?? fail();
    if (kind === 'save') forget = await savedState(sessionId);
    // What a worker does that sees its connection end: it asks for its claim, and for what was noted.
    if (kind === 'forget') {
      await forget();
      for (const [who, owner] of owned) if (!(await isConfirmed(owner))) owned.delete(who);
    }
    if (kind === 'die') {
      owned.delete(index);
      await claimant.die();
      claimants[index] = await startClaimant();
    }
    if (kind === 'claim') {
      const outcome = await claimant.claim(sessionId);
      if (outcome.status === 'claimed') owned.set(index, outcome.claimed.owner);
    }
    const owner = owned.get(index);
    if (kind !== 'append' || owner === undefined) continue;
    const first = ((await log.heads([sessionId]))[0]?.head ?? 0) + 1;
    const { status } = await log.append({ owner, first, frames: [`{"offset":${first}}`] });
    if (status !== 'ok') continue;
    const place = `${owner.epoch}:${first}`;
    const before = written.get(place) ?? owner.fence;
    expect(before, `${place} was written by two owners`).toBe(owner.fence);
    written.set(place, owner.fence);
  }
  expect(await redis.exists(...storedKeysOf(sessionId))).toBeGreaterThan(0);
}

async function isConfirmed(owner: Ownership): Promise<boolean> {
  const meta = await createSessionStore(redis).read(owner.sessionId);
  if (meta === null) return false;
  const note = await notes.read(meta);
  return meta.fence === owner.fence && (note?.fence ?? 0) <= owner.fence;
}

function fail(): never {
  throw new Error('there is no such thing');
}
