// A connection that went silent without a close.
import { describe, expect, it } from 'vitest';
import { startGateway, TEST_TOKEN } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { connect } from '../support/ws-client.ts';

describe('a connection', () => {
  it('that answers nothing is given up within 30 s, one that answers pings is kept [D-10]', async () => {
    await using server = await startRedis();
    await using gateway = await startGateway({ redis: server });
    await using silent = await connect(gateway.wsUrl, { token: TEST_TOKEN, ws: { autoPong: false } });
    await using answering = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    const before = performance.now();
    expect((await silent.closed).code).toBe(4009);
    expect(performance.now() - before).toBeLessThan(31_000);
    expect(answering.socket.readyState).toBe(answering.socket.OPEN);
  });
});
