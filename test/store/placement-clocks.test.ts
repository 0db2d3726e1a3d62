// Placement hints between hosts whose clocks differ.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { mintSessionId, type SessionId } from '@holdfast/shared/protocol';
import { createPlacementConsumer, createPlacementQueue } from '@holdfast/shared/store';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const HOUR_MS = 3_600_000;
let server: TestRedis;
beforeAll(async () => void (server = await startRedis()));
afterAll(async () => server[Symbol.asyncDispose]());

async function consume(): Promise<{ readonly placed: SessionId[]; close(): Promise<void> }> {
  const placed: SessionId[] = [];
  const { address } = server;
  const place = async (sessionId: SessionId): Promise<void> => void placed.push(sessionId);
  const consumer = createPlacementConsumer({ address, logger: silentLogger, concurrency: 4, place });
  return { placed, close: async () => consumer.close() };
}

describe('a placement hint', () => {
  it.each([
    { clock: 'an hour ahead', offset: HOUR_MS },
    { clock: 'an hour behind', offset: -HOUR_MS },
  ])('with a delay, given by a host whose clock is $clock, comes when it should', async ({ offset }) => {
    const queue = createPlacementQueue(server.address, silentLogger);
    const sessionId = mintSessionId();
    const now = Date.now;
    const stepped = vi.spyOn(Date, 'now').mockImplementation(() => now() + offset);
    await queue.request(sessionId, { delayMs: 300 });
    stepped.mockRestore();
    const startedAt = performance.now();
    const { placed, close } = await consume();
    await until(() => placed.includes(sessionId), { what: 'the hint', limitMs: 5_000 });
    expect(performance.now() - startedAt).toBeGreaterThan(250);
    await close();
    await queue.close();
  });
});
