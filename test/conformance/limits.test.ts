// What one user may take, over two gateways, and how each refusal reads.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { http, type HttpAnswer } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { connect } from '../support/ws-client.ts';
import { createStoredSession } from '../support/fake-owner.ts';
import { sessionKeys } from '@holdfast/shared/store';

let server: TestRedis;
let one: TestGateway;
let other: TestGateway;

beforeAll(async () => {
  server = await startRedis();
  const env = {
    ...{ HOLDFAST_MAX_CONNECTIONS: '3', HOLDFAST_MAX_SESSIONS: '4', HOLDFAST_MAX_BUSY_SESSIONS: '2' },
    HOLDFAST_MAX_COMMANDS: '40',
  };
  [one, other] = await Promise.all([
    startGateway({ redis: server, env }),
    startGateway({ redis: server, env }),
  ]);
});
afterAll(async () => {
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const errorOf = ({ json }: HttpAnswer): { code?: string; details?: Record<string, unknown> } =>
  json?.['error'] ?? {};

describe('limits of a user, over all gateways', () => {
  it('connections: the next one is closed with the reason, and one that ends makes room [G-07]', async () => {
    await using first = await connect(one.wsUrl, { token: TEST_TOKEN });
    await using second = await connect(other.wsUrl, { token: TEST_TOKEN });
    const third = await connect(other.wsUrl, { token: TEST_TOKEN });
    await using refused = await connect(one.wsUrl);
    refused.send({ type: 'hello', version: 1, token: TEST_TOKEN });
    expect(await refused.next('error')).toMatchObject({ code: 'too_many_connections', retryable: true });
    expect(await refused.closed).toEqual({ code: 4429, reason: 'too_many_connections' });
    await third[Symbol.asyncDispose]();
    await expect.poll(async () => server.connect().zcard('hf:user:local:places'), { timeout: 5_000 }).toBe(2);
    await using again = await connect(one.wsUrl, { token: TEST_TOKEN });
    await Promise.all([first.ping(), second.ping(), again.ping()]);
  });

  it('sessions with a turn that runs or waits: another prompt is refused, one for a busy session is not [G-07]', async () => {
    const redis = server.connect();
    const [busy, waiting, free] = [
      await createStoredSession(redis),
      await createStoredSession(redis),
      await createStoredSession(redis),
    ];
    await redis.hset(sessionKeys(busy).meta, 'status', 'running');
    await redis.hset(sessionKeys(waiting).meta, 'status', 'awaiting_approval');
    const prompt = async (id: string): Promise<HttpAnswer> =>
      http(`${one.url}/v1/sessions/${id}/prompts`, {
        method: 'POST',
        body: { promptId: 'p1', content: [{ type: 'text', text: 'x' }] },
      });
    const refused = await prompt(free);
    expect([refused.status, errorOf(refused).code]).toEqual([429, 'limit_reached']);
    expect(errorOf(refused).details).toEqual({ limit: 'busySessions', most: 2 });
    expect(await redis.hget(sessionKeys(free).meta, 'inboxHead')).toBe('0');
    expect((await prompt(busy)).status).toBe(202);
  });

  it('sessions: the next one is refused [G-07]', async () => {
    const create = async (gateway: TestGateway, createId: string): Promise<HttpAnswer> =>
      http(`${gateway.url}/v1/sessions`, { method: 'POST', body: { createId } });
    expect((await create(one, 'l1')).status).toBe(201);
    const refused = await create(other, 'l2');
    expect(errorOf(refused)).toMatchObject({
      code: 'limit_reached',
      details: { limit: 'sessions', most: 4 },
    });
  });

  it('commands in a minute: the answer says when to come back; reading goes on [G-07]', async () => {
    const id = await createStoredSession(server.connect());
    let refused: HttpAnswer | undefined;
    for (let call = 0; call < 50 && refused?.status !== 429; call += 1) {
      const gateway = call % 2 === 0 ? one : other;
      refused = await http(`${gateway.url}/v1/sessions/${id}/queue/resume`, { method: 'POST' });
    }
    expect(refused?.status).toBe(429);
    const retryAfter = Number(refused?.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(60);
    expect(errorOf(refused ?? (await http(one.url))).code).toBe('rate_limited');
    expect((await http(`${other.url}/v1/sessions/${id}`)).status).toBe(200);
  });

  it('guesses at the token: the address has to wait, by whatever way it guesses; a login that it has stays [G-07]', async () => {
    const login = await http(`${one.url}/login?token=${TEST_TOKEN}`, { token: null });
    const cookie = login.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
    const guesses = Array.from({ length: 100 }, async (_, index) =>
      http(`${index % 2 === 0 ? one.url : other.url}/v1/me`, { token: `guess-${index}-0123456789` }),
    );
    expect(new Set((await Promise.all(guesses)).map(({ status }) => status))).toEqual(new Set([401]));
    for (const gateway of [one, other]) {
      // A gateway learns from its own next failure what the others have counted.
      await http(`${gateway.url}/v1/me`, { token: 'one-more-guess-0123456789' });
      const blocked = await http(`${gateway.url}/v1/me`);
      expect([blocked.status, errorOf(blocked).code]).toEqual([429, 'rate_limited']);
      expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    await using hello = await connect(one.wsUrl);
    hello.send({ type: 'hello', version: 1, token: TEST_TOKEN });
    expect(await hello.next('error')).toMatchObject({ code: 'rate_limited' });
    expect((await http(`${one.url}/v1/me`, { token: null, headers: { cookie } })).status).toBe(200);
  });
});
