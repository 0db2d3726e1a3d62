// Commands come by the doorbell or from the inbox: each once and in order, whatever the doorbell does.
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserId, type SessionId } from '@holdfast/shared/protocol';
import {
  createCommandInbox,
  createSubscriber,
  createSubscriberRedis,
  parseDoorbell,
  sessionKeys,
  type Redis,
  type Subscriber,
} from '@holdfast/shared/store';
import { CommandFeed } from '../../apps/worker/src/session/command-feed.ts';
import { createStoredSession } from '../support/fake-owner.ts';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

let server: TestRedis;
let redis: Redis;
let subscriber: Subscriber;

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

const by = UserId.parse('local');

async function submitTitle(sessionId: SessionId, title: string): Promise<void> {
  const command = { type: 'set' as const, title, archived: undefined, by };
  await createCommandInbox(redis).submit({ sessionId, userId: by, command });
}

/** A session, with everything its doorbell said so far. */
async function listened(): Promise<{ readonly sessionId: SessionId; readonly rings: string[] }> {
  const sessionId = await createStoredSession(redis);
  const rings: string[] = [];
  await subscriber.subscribe(sessionKeys(sessionId).doorbell, (body) => void rings.push(body.toString()));
  return { sessionId, rings };
}

describe('the doorbell of a session', () => {
  it('brings a short command along, and only the number of a long one', async () => {
    const { sessionId, rings } = await listened();
    await submitTitle(sessionId, 'short');
    await submitTitle(sessionId, 'x'.repeat(5_000));
    await until(() => rings.length === 2, { what: 'both rings' });
    const [short = '', long = ''] = rings;
    expect(parseDoorbell(short)).toEqual({ seq: 1, command: { type: 'set', title: 'short', by } });
    expect([long, parseDoorbell(long)]).toEqual(['2', null]);
    expect(parseDoorbell('no number\n{}')).toBeNull();
    expect(parseDoorbell('7\n{"type":"of tomorrow"}')).toEqual({ seq: 7, command: null });
  });
});

describe('the feed of commands', () => {
  it('asks Redis for nothing that the doorbell brought', async () => {
    const { sessionId, rings } = await listened();
    await submitTitle(sessionId, 'one');
    await until(() => rings.length === 1, { what: 'the ring' });
    const readAfter = async (): Promise<never> => {
      throw new Error('Redis was asked');
    };
    const feed = new CommandFeed({ readAfter }, sessionId, 0);
    for (const ring of rings) feed.ring(ring);
    expect(await feed.next()).toMatchObject({ commands: [{ seq: 1 }], isRead: false });
  });

  it('gives each command once and in order, with rings that are lost, late, or heard twice', async () => {
    const step = fc.oneof(
      fc.constant('submit' as const),
      fc.constant('take' as const),
      fc.nat(20).map((which) => ({ ring: which })),
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { sessionId, rings } = await listened();
      const feed = new CommandFeed(createCommandInbox(redis), sessionId, 0);
      const taken: number[] = [];
      const take = async (): Promise<boolean> => {
        const { commands, isRead } = await feed.next();
        for (const { seq } of commands) {
          feed.taken(seq);
          taken.push(seq);
          // A ring that comes while its command is being carried out, or was already.
          feed.ring(rings[seq - 1] ?? '');
        }
        return !isRead || commands.length > 0;
      };
      let submitted = 0;
      for (const what of steps) {
        if (what === 'submit') {
          submitted += 1;
          await submitTitle(sessionId, `title ${submitted}`);
          await until(() => rings.length === submitted, { what: 'the ring' });
        } else if (what === 'take') await take();
        else feed.ring(rings[what.ring] ?? '');
      }
      while (await take());
      expect(taken).toEqual(Array.from({ length: submitted }, (_, index) => index + 1));
      await subscriber.unsubscribe(sessionKeys(sessionId).doorbell);
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it('starts over where Redis lost commands', async () => {
    const { sessionId } = await listened();
    await submitTitle(sessionId, 'again');
    const feed = new CommandFeed(createCommandInbox(redis), sessionId, 5);
    expect(await feed.next()).toEqual({ commands: [], isRead: true });
    feed.ring('6\n{"type":"open","by":"local"}');
    feed.reset(0);
    expect(await feed.hasMore()).toBe(true);
    expect(await feed.next()).toMatchObject({ commands: [{ seq: 1 }], isRead: true });
  });
});
