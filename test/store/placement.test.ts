// The placement queue: one hint a session, and none is lost.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintSessionId, type SessionId } from '@holdfast/shared/protocol';
import { createPlacementConsumer, createPlacementQueue, type PlacementQueue } from '@holdfast/shared/store';
import { createDeferred } from '@holdfast/shared/util';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

let server: TestRedis;
let queue: PlacementQueue;

beforeAll(async () => {
  server = await startRedis();
  queue = createPlacementQueue(server.address, silentLogger);
});
afterAll(async () => {
  await queue.close();
  await server[Symbol.asyncDispose]();
});

/** Consumes hints until disposed. */
function consume(place: (sessionId: SessionId) => Promise<void>): AsyncDisposable {
  const consumer = createPlacementConsumer({
    ...{ address: server.address, logger: silentLogger, concurrency: 4, place },
  });
  return { [Symbol.asyncDispose]: async () => consumer.close() };
}

describe('hints for one session [E-02]', () => {
  it('that come before anybody takes them are one', async () => {
    const [asked, other] = [mintSessionId(), mintSessionId()];
    for (let count = 0; count < 20; count += 1) await queue.request(asked);
    await queue.request(other);
    const placed: SessionId[] = [];
    await using _consumer = consume(async (sessionId) => void placed.push(sessionId));
    await until(() => placed.includes(other), { what: 'the last hint' });
    expect(placed).toEqual([asked, other]);
  });

  it('that come while one is being worked on are worked on once more, after it', async () => {
    const sessionId = mintSessionId();
    const isHeld = createDeferred<void>();
    const placed: ('begun' | 'done')[] = [];
    await using _consumer = consume(async () => {
      placed.push('begun');
      if (placed.length === 1) await isHeld.promise;
      placed.push('done');
    });
    await queue.request(sessionId);
    await until(() => placed.length === 1, { what: 'the first hint' });
    for (let count = 0; count < 5; count += 1) await queue.request(sessionId);
    expect(placed).toEqual(['begun']);
    isHeld.resolve();
    await until(() => placed.length === 4, { what: 'the second hint' });
    const last = mintSessionId();
    await queue.request(last);
    await until(() => placed.length === 6, { what: 'a later hint' });
    expect(placed).toEqual(['begun', 'done', 'begun', 'done', 'begun', 'done']);
  });

  it('can wait for a while, and do not hold up other sessions meanwhile', async () => {
    const [late, soon] = [mintSessionId(), mintSessionId()];
    const placed = new Map<SessionId, number>();
    await using _consumer = consume(async (sessionId) => void placed.set(sessionId, performance.now()));
    const askedAt = performance.now();
    await queue.request(late, { delayMs: 500 });
    await queue.request(soon);
    await until(() => placed.size === 2, { what: 'both hints' });
    expect([...placed.keys()]).toEqual([soon, late]);
    expect((placed.get(late) ?? 0) - askedAt).toBeGreaterThanOrEqual(490);
  });

  it('are taken by one of several workers', async () => {
    const ids = Array.from({ length: 40 }, () => mintSessionId());
    const placed: SessionId[] = [];
    const place = async (sessionId: SessionId): Promise<void> => void placed.push(sessionId);
    await using _one = consume(place);
    await using _other = consume(place);
    await Promise.all(ids.map(async (sessionId) => queue.request(sessionId)));
    const last = mintSessionId();
    await until(() => placed.length === ids.length, { what: 'all hints' });
    await queue.request(last);
    await until(() => placed.includes(last), { what: 'the last hint' });
    expect(placed.toSorted()).toEqual([...ids, last].toSorted());
  });
});
