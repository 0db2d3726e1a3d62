// What others may have left in Redis: data of another version, entries without a record, keys of another type.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CreateId, mintSessionId, PromptId, UserId, type SessionId } from '@holdfast/shared/protocol';
import {
  checkStore,
  createCommandInbox,
  createEventLog,
  createSessionStore,
  sessionKeys,
  type Redis,
} from '@holdfast/shared/store';
import { startRedis, type TestRedis } from '../support/redis.ts';

const user = UserId.parse('local');
let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());
beforeEach(async () => void (await redis.flushall()));

async function newSession(createId: string): Promise<SessionId> {
  const store = createSessionStore(redis);
  const { sessionId } = await store.reserveId(user, CreateId.parse(createId));
  const settings = { permissionMode: 'default' as const, allowedTools: [], disallowedTools: [] };
  const rest = { epoch: 'e1', cwd: '/w', title: null, settings, at: 1 };
  await store.create({ sessionId, userId: user, frame: '{"offset":1,"type":"session_created"}', ...rest });
  return sessionId;
}

describe('the schema', () => {
  it('is written by the first that starts, and accepted by the next', async () => {
    await checkStore(redis);
    await expect(checkStore(redis)).resolves.toBeUndefined();
  });

  it.each([
    ['schema', '7', /has schema 7 with 256 partitions; this version needs schema 1 with 256/],
    ['partitions', '16', /has schema 1 with 16 partitions/],
  ])('of another %s refuses to start, and says what there is', async (field, value, message) => {
    await checkStore(redis);
    await redis.hset('hf:cfg', field, value);
    await expect(checkStore(redis)).rejects.toThrow(message);
  });
});

describe('the list of a user', () => {
  it('passes over what has no record, is being deleted, or is somebody else’s', async () => {
    const store = createSessionStore(redis);
    const kept = await newSession('a');
    const deleting = await newSession('b');
    const foreign = await newSession('c');
    await redis.zadd('hf:user:local:sessions', 9, mintSessionId());
    await redis.hset(sessionKeys(deleting).meta, 'deleting', '1');
    await redis.hset(sessionKeys(foreign).meta, 'user', 'other');
    expect((await store.list(user, false)).map(({ sessionId }) => sessionId)).toEqual([kept]);
  });

  it('fails as a whole when a record can not be read', async () => {
    const sessionId = await newSession('a');
    await redis.del(sessionKeys(sessionId).meta);
    await redis.set(sessionKeys(sessionId).meta, 'not a hash');
    await expect(createSessionStore(redis).list(user, false)).rejects.toThrow(/WRONGTYPE/);
    await expect(createEventLog(redis).heads([sessionId])).rejects.toThrow(/WRONGTYPE/);
  });
});

describe('the heads of several logs', () => {
  it('are null for a session that is unknown or being deleted', async () => {
    const [known, deleting] = [await newSession('a'), await newSession('b')];
    await redis.hset(sessionKeys(deleting).meta, 'deleting', '1');
    const heads = await createEventLog(redis).heads([known, mintSessionId(), deleting]);
    expect(heads).toEqual([expect.objectContaining({ epoch: 'e1', head: 1 }), null, null]);
    expect(await createEventLog(redis).heads([])).toEqual([]);
  });
});

describe('an inbox', () => {
  it('gives commands that it does not know as null, and none of them waits', async () => {
    const sessionId = await newSession('a');
    const { inbox } = sessionKeys(sessionId);
    await redis.xadd(inbox, '1-0', 'c', '{"type":"levitate"}');
    await redis.xadd(inbox, '2-0', 'c', 'no JSON');
    const commands = createCommandInbox(redis);
    expect(await commands.readAfter(sessionId, 0)).toEqual([
      { seq: 1, command: null },
      { seq: 2, command: null },
    ]);
    const waiting = await commands.waiting(sessionId, [PromptId.parse('01K00000000000000000000001')]);
    expect(waiting.size).toBe(0);
  });

  it('gives a queue without what has a place but no record', async () => {
    const sessionId = await newSession('a');
    const { order, queue } = sessionKeys(sessionId);
    await redis.zadd(order, 1, 'ghost', 2, 'real');
    await redis.hset(queue, 'real', '{}', 'running', '{"n":1}');
    expect(await createCommandInbox(redis).readQueue(sessionId)).toEqual({
      waiting: [{ promptId: 'real', score: 2, json: '{}' }],
      taken: [{ promptId: 'running', json: '{"n":1}' }],
    });
  });
});
