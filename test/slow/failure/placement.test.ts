// A placement hint that a killed worker had in hand.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintSessionId, type SessionId } from '@holdfast/shared/protocol';
import { createPlacementConsumer, createPlacementQueue } from '@holdfast/shared/store';
import { silentLogger, startRedis, type TestRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';

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
  it('that a killed worker had in hand is given to another within seconds [E-02]', async () => {
    const queue = createPlacementQueue(server.address, silentLogger);
    const victim = fork(new URL('../../failure/support/placement-holder.ts', import.meta.url), [
      JSON.stringify(server.address),
    ]);
    await once(victim, 'message');
    const sessionId = mintSessionId();
    await queue.request(sessionId);
    await once(victim, 'message');
    const { placed, close } = await consume();
    victim.kill('SIGKILL');
    await until(() => placed.includes(sessionId), { what: 'the hint', limitMs: 20_000 });
    expect(placed).toEqual([sessionId]);
    await close();
    await queue.close();
  });
});
