// Housekeeping on a real Redis: what it retires, repairs and removes, and what it leaves alone.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mintSessionId, PromptId, UserId, WorkerId, type SessionId } from '@holdfast/shared/protocol';
import {
  createCommandInbox,
  createHousekeepingStore,
  createSessionStore,
  createWorkerRegistry,
  sessionKeys,
  startHousekeeping,
  type Redis,
} from '@holdfast/shared/store';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keepHouse, type HouseReport } from '../../apps/worker/src/housekeeping/housekeeper.ts';
import { createStoredSession, ownSession } from '../support/fake-owner.ts';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const ME = UserId.parse('local');
const LIST = 'hf:user:local:sessions';
const DAY_MS = 24 * 3600 * 1000;

let server: TestRedis;
let redis: Redis;
let dataDir: string;
/** Sessions that a worker was asked for. */
let placed: SessionId[];

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  dataDir = await mkdtemp(join(tmpdir(), 'holdfast-house-'));
});
afterAll(async () => {
  await rm(dataDir, { recursive: true });
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await redis.flushall();
  placed = [];
});

const round = async (retentionDays = 0): Promise<HouseReport> =>
  keepHouse(
    {
      ...{ store: createHousekeepingStore(redis), registry: createWorkerRegistry(redis) },
      placement: { request: async (sessionId) => void placed.push(sessionId) },
      ...{ logger: silentLogger, dataDir, retentionMs: retentionDays * DAY_MS, now: Date.now },
    },
    new AbortController().signal,
  );

async function usedDaysAgo(days: number, fields: Readonly<Record<string, string>> = {}): Promise<SessionId> {
  const sessionId = await createStoredSession(redis);
  const updatedAt = String(Date.now() - days * DAY_MS);
  await redis.hset(sessionKeys(sessionId).meta, { updatedAt, ...fields });
  return sessionId;
}

const inboxOf = async (sessionId: SessionId): Promise<unknown[]> =>
  (await createCommandInbox(redis).readAfter(sessionId, 0)).map(({ command }) => command);

describe('retention', () => {
  it('asks for the deletion of sessions that were idle for longer, and of no others [B-11]', async () => {
    const old = await usedDaysAgo(8);
    const archived = await usedDaysAgo(8, { archived: '1' });
    const kept = [
      await usedDaysAgo(6),
      await usedDaysAgo(8, { status: 'paused' }),
      await usedDaysAgo(8, { status: 'running', owner: '' }),
      await usedDaysAgo(8, { inboxHead: '1' }),
    ];
    expect(await round(7)).toMatchObject({ sessions: 6, retired: 2 });
    for (const sessionId of [old, archived]) {
      expect(await inboxOf(sessionId)).toEqual([{ type: 'delete', by: 'local' }]);
      expect((await createSessionStore(redis).read(sessionId))?.deleting).toBe(true);
      expect(placed).toContain(sessionId);
    }
    expect(new Set(await redis.zrange(LIST, '0', '-1'))).toEqual(new Set(kept));
    for (const sessionId of kept) {
      expect((await createSessionStore(redis).read(sessionId))?.deleting).toBe(false);
    }
    expect(await round(7)).toMatchObject({ retired: 0 });
  });

  it('is off unless it is asked for', async () => {
    await usedDaysAgo(10_000);
    expect(await round()).toMatchObject({ sessions: 1, retired: 0 });
  });

  it('loses the race against whoever begins to use the session [B-11]', async () => {
    const sessionId = await usedDaysAgo(8);
    const command = { type: 'prompt' as const, promptId: PromptId.parse('p1'), by: ME };
    const content = [{ type: 'text' as const, text: 'still here' }];
    await createCommandInbox(redis).submit({ sessionId, userId: ME, command: { ...command, content } });
    const idleSince = Date.now() - DAY_MS;
    const store = createHousekeepingStore(redis);
    expect(await store.expire({ sessionId, userId: ME, idleSince })).toEqual({ status: 'in_use' });
    expect(await store.expire({ sessionId: mintSessionId(), userId: ME, idleSince })).toEqual({
      status: 'not_found',
    });
  });

  it('tells a living owner, which needs no other worker', async () => {
    const sessionId = await createStoredSession(redis);
    await ownSession(redis, sessionId);
    await redis.hset(sessionKeys(sessionId).meta, 'updatedAt', '1');
    expect(await round(1)).toMatchObject({ retired: 1 });
    expect(placed).toEqual([]);
  });
});

describe('housekeeping', () => {
  it('places sessions whose command nobody was told of, also those about to be deleted', async () => {
    const forgotten = await usedDaysAgo(1);
    await createCommandInbox(redis).submit({
      ...{ sessionId: forgotten, userId: ME },
      command: { type: 'delete', by: ME },
    });
    const queued = await usedDaysAgo(1, { status: 'queued', owner: 'w-dead', inc: 'i' });
    const fresh = await createStoredSession(redis);
    await createCommandInbox(redis).submit({
      ...{ sessionId: fresh, userId: ME },
      command: { type: 'open', by: ME },
    });
    const owned = await usedDaysAgo(1, { status: 'running' });
    await ownSession(redis, owned);
    expect(await round()).toMatchObject({ placed: 2 });
    expect(new Set(placed)).toEqual(new Set([forgotten, queued]));
  });

  it('repairs the lists: what is missing comes in, what is gone goes out', async () => {
    const lost = await createStoredSession(redis);
    // That somebody else has it in their list is no help to its owner.
    await redis.zadd('hf:user:ann:sessions', 1, lost);
    const listed = await createStoredSession(redis);
    await redis.zrem(LIST, lost);
    const [gone, coming] = [mintSessionId(), mintSessionId()];
    await redis.zadd(LIST, 1, gone, Date.now(), coming);
    expect(await round()).toMatchObject({ enlisted: 1, unlisted: 1 });
    expect(new Set(await redis.zrange(LIST, '0', '-1'))).toEqual(new Set([lost, listed, coming]));
    const [meta, score] = [await createSessionStore(redis).read(lost), await redis.zscore(LIST, lost)];
    expect(Number(score)).toBe(meta?.createdAt);
    expect(await round()).toMatchObject({ enlisted: 0, unlisted: 0 });
  });

  it('removes keys without a session, and folders of sessions known to be deleted, nothing else [B-11]', async () => {
    const living = await createStoredSession(redis);
    const deleted = await createStoredSession(redis);
    const { ownership } = await ownSession(redis, deleted);
    await createSessionStore(redis).delete(ownership, ME);
    const unknown = mintSessionId();
    for (const sessionId of [living, deleted, unknown]) {
      const folder = join(dataDir, 'users', 'local', 'sessions', sessionId, 'config');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'transcript.jsonl'), 'text');
    }
    await redis.set(sessionKeys(unknown).snapshot, 'x');
    await redis.hset(sessionKeys(deleted).queue, 'p1', '{}');
    expect(await round()).toMatchObject({ leftovers: 3 });
    expect(await redis.keys(`*${deleted}*`)).toEqual([]);
    expect(await redis.keys(`*${unknown}*`)).toEqual([]);
    const folder = (sessionId: string): string => join(dataDir, 'users', 'local', 'sessions', sessionId);
    expect([living, deleted, unknown].map((sessionId) => existsSync(folder(sessionId)))).toEqual([
      ...[true, false, true],
    ]);
  });

  it('runs in one worker at a time, again and again, and ends when asked', async () => {
    let running = 0;
    let most = 0;
    let rounds = 0;
    const begin = async () =>
      startHousekeeping({
        ...{ address: server.address, logger: silentLogger, everyMs: 100 },
        round: async (signal) => {
          running += 1;
          rounds += 1;
          most = Math.max(most, running);
          await redis.ping();
          signal.throwIfAborted();
          running -= 1;
        },
      });
    const all = await Promise.all([begin(), begin(), begin()]);
    await until(() => rounds >= 5, { what: 'five rounds' });
    await Promise.all(all.map(async (one) => one.close()));
    const after = rounds;
    expect(most).toBe(1);
    const jobs = await redis.keys('hf:bull:housekeeping:*');
    expect(jobs.length).toBeLessThan(12);
    expect(rounds).toBe(after);
  });
});

describe('the inventory', () => {
  it('is not led astray by names that look like something else', async () => {
    const sessionId = await createStoredSession(redis, 'a:sessions');
    await redis.set(`hf:user:x:create:${randomUUID()}`, sessionId);
    await redis.set('hf:{workers}:reaper', WorkerId.parse('w1'));
    await redis.set('hf:{zz}:nonsense:meta', '1');
    const inventory = await createHousekeepingStore(redis).takeInventory(new AbortController().signal);
    expect(inventory).toEqual({
      sessions: new Set([sessionId]),
      leftovers: new Set(),
      users: new Set(['a:sessions']),
    });
  });
});
