// What an owner does when Redis has lost the tail of its log.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintTurnId, PromptId, textContent, UserId } from '@holdfast/shared/protocol';
import { createCommandInbox, createSessionStore, storedKeysOf, type Redis } from '@holdfast/shared/store';
import { createStoredSession, notices, ownSession } from '../support/fake-owner.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { remember, started, startWriting, writeAs } from './event-writing.ts';

const user = UserId.parse('local');
let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

describe('a Redis that lost the tail of the log [D-11]', () => {
  it('gets the same bytes at the same offsets again, with everything that belongs to them', async () => {
    const { writer, owner, lost, stored } = await startWriting(redis);
    writer.push(notices(1, 'kept'));
    await writer.flushed();
    const forget = await remember(redis, owner);
    const turnId = mintTurnId();
    const prompt = { promptId: 'p1', json: '{"promptId":"p1"}', score: 1 };
    writer.push([started(turnId)], { queue: [{ op: 'put', ...prompt }] });
    await writer.flushed();
    for (const text of ['one', 'two', 'three']) {
      writer.push(notices(2, text));
      await writer.flushed();
    }
    const before = await stored();
    await forget();
    expect(await stored()).toHaveLength(2);
    writer.push(notices(1, 'next'));
    expect(await writer.flushed()).toBe(true);
    const after = await stored();
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after).toHaveLength(before.length + 1);
    expect(await createCommandInbox(redis).readQueue(owner.sessionId)).toMatchObject({ waiting: [prompt] });
    expect(await createSessionStore(redis).read(owner.sessionId)).toMatchObject({
      status: 'running',
      turnId,
    });
    expect(lost).toEqual([]);
  });

  it('gets them again at once when an idle owner checks after a reconnect [D-11]', async () => {
    const { writer, owner, lost, stored } = await startWriting(redis);
    writer.push(notices(1, 'kept'));
    await writer.flushed();
    const forget = await remember(redis, owner);
    for (const text of ['one', 'two']) {
      writer.push(notices(2, text));
      await writer.flushed();
    }
    const before = await stored();
    await forget();
    expect(await stored()).toHaveLength(2);
    await writer.verify();
    expect(await stored()).toEqual(before);
    await writer.verify();
    expect(await stored()).toEqual(before);
    expect(lost).toEqual([]);
  });

  it('keeps the commands that reuse the numbers of those it lost', async () => {
    const { writer, owner } = await startWriting(redis);
    const inbox = createCommandInbox(redis);
    writer.push(notices(1));
    await writer.flushed();
    const forget = await remember(redis, owner);
    const submit = async (promptId: string): Promise<unknown> =>
      inbox.submit({
        sessionId: owner.sessionId,
        userId: user,
        command: {
          type: 'prompt',
          promptId: PromptId.parse(promptId),
          content: textContent('x'),

          by: user,
        },
      });
    expect(await submit('before')).toMatchObject({ seq: 1 });
    writer.push(notices(1, 'acknowledges'), { ackSeq: 1 });
    await writer.flushed();
    await forget();
    expect(await submit('after')).toMatchObject({ seq: 1 });
    writer.push(notices(1, 'next'));
    await writer.flushed();
    expect(await inbox.readAfter(owner.sessionId, 0)).toMatchObject([
      { seq: 1, command: { promptId: 'after' } },
    ]);
  });

  it('gets it also when the repair itself is cut short', async () => {
    let failures = 0;
    const { writer, owner, stored } = await startWriting(redis, (log) => ({
      ...log,
      append: async (input) => {
        const isRepair = input.frames.some((frame) => frame.includes('two0'));
        if (!isRepair || failures !== 1) return log.append(input);
        failures += 1;
        throw new Error('the connection was lost');
      },
    }));
    writer.push(notices(1, 'one'));
    await writer.flushed();
    const forget = await remember(redis, owner);
    for (const text of ['two', 'three']) {
      writer.push(notices(1, text));
      await writer.flushed();
    }
    const before = await stored();
    await forget();
    failures = 1;
    writer.push(notices(1, 'four'));
    expect(await writer.flushed()).toBe(true);
    expect(failures).toBe(2);
    expect((await stored()).slice(0, before.length)).toEqual(before);
  });

  it('that reaches behind what the owner still has is not papered over: the session is lost to it', async () => {
    const owner = await ownSession(redis, await createStoredSession(redis));
    const forget = await remember(redis, owner);
    await owner.append(notices(1, 'by an earlier part of this worker'));
    const { writer, lost, stored } = await writeAs(redis, owner);
    writer.push(notices(1));
    await writer.flushed();
    await forget();
    writer.push(notices(1));
    expect(await writer.flushed()).toBe(false);
    expect(lost).toEqual(['unrepairable']);
    expect(await stored()).toHaveLength(1);
  });

  it.each(['fenced', 'not_found'] as const)('and is %s in the middle of the repair ends it', async (how) => {
    let isArmed = false;
    const { writer, owner, lost } = await startWriting(redis, (log) => ({
      ...log,
      append: async (input) => {
        if (isArmed && input.frames.some((frame) => frame.includes('two0'))) {
          if (how === 'fenced') await ownSession(redis, owner.sessionId);
          else await redis.del(...storedKeysOf(owner.sessionId));
        }
        return log.append(input);
      },
    }));
    writer.push(notices(1, 'one'));
    await writer.flushed();
    const forget = await remember(redis, owner);
    writer.push(notices(1, 'two'));
    await writer.flushed();
    await forget();
    isArmed = true;
    writer.push(notices(1, 'three'));
    expect(await writer.flushed()).toBe(false);
    expect(lost).toEqual([how]);
  });
});
