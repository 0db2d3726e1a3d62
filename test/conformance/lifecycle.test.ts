// A gateway's life: health, login, draining, and what its log never holds.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Redis } from '@holdfast/shared/store';
import { createStoredSession, notices, ownSession } from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { openSse } from '../support/sse-client.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { connect, coveredOffsets, range } from '../support/ws-client.ts';

let server: TestRedis;
let redis: Redis;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  gateway = await startGateway({
    redis: server,
    env: { HOLDFAST_LOG_LEVEL: 'trace', HOLDFAST_WEB_DIR: '/not-built' },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe('health', () => {
  it('tells that the process lives and that it takes traffic', async () => {
    expect((await http(`${gateway.url}/healthz`, { token: null })).json).toEqual({ status: 'ok' });
    expect((await http(`${gateway.url}/readyz`, { token: null })).json).toEqual({ status: 'ready' });
  });
});

describe('SIGTERM', () => {
  it('sends every client away with a time to come back, closes, and ends in time [D-10]', async () => {
    await using leaving = await startGateway({ redis: server });
    const owner = await ownSession(redis, await createStoredSession(redis));
    const { sessionId } = owner;
    const clients = await Promise.all(
      Array.from({ length: 20 }, async () => connect(leaving.wsUrl, { token: TEST_TOKEN })),
    );
    await Promise.all(clients.map(async (client) => client.attach(sessionId)));
    await using stream = await openSse(`${leaving.url}/v1/sessions/${sessionId}/events`);
    await stream.untilOffset(1);
    const before = performance.now();
    const ended = leaving.stop('SIGTERM');
    const told = await until(
      async () => {
        const answer = await http(`${leaving.url}/readyz`);
        return answer.status === 503 ? answer : null;
      },
      { what: 'not ready' },
    );
    expect(told.headers.get('connection')).toBe('close');
    await expect(connect(leaving.wsUrl)).rejects.toThrow(/503|ECONNREFUSED|socket hang up/);
    const closes = await Promise.all(clients.map(async (client) => client.closed));
    expect(closes).toEqual(clients.map(() => ({ code: 1012, reason: 'going_away' })));
    await stream.ended;
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - before).toBeLessThan(5_000);
    const delays = clients.map(({ frames }) => {
      expect(frames.slice(-2)).toMatchObject([
        { type: 'goingAway' },
        { type: 'error', code: 'going_away', retryable: true },
      ]);
      return Number(frames.at(-2)?.['reconnectAfterMs']);
    });
    expect(new Set(delays).size).toBeGreaterThan(5);
    const { epoch } = owner.ownership;
    await owner.append(notices(3));
    await using back = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    await back.attach(sessionId, { epoch, offset: 1 });
    expect(coveredOffsets(back.events(sessionId))).toEqual(range(2, 4));
  });
});

describe('the end of a gateway while a command is under way', () => {
  it('comes after the answer to the command, although Redis is slow [E-05] [A-19]', async () => {
    await using toRedis = await startTcpProxy({ target: { path: server.address.url } });
    const address = { ...server.address, url: `redis://127.0.0.1:${toRedis.port}` };
    await using leaving = await startGateway({ redis: { address } });
    const sessionId = await createStoredSession(redis);
    await using client = await connect(leaving.wsUrl, { token: TEST_TOKEN });
    toRedis.apply({ kind: 'delay', ms: 100 });
    const content = [{ type: 'text', text: 'hello' }];
    client.send({ type: 'prompt', requestId: 'late', sessionId, promptId: 'p1', content });
    client.send({ type: 'ping', nonce: 'read' });
    await client.next('pong');
    const ended = leaving.stop('SIGTERM');
    expect(await client.closed).toEqual({ code: 1012, reason: 'going_away' });
    expect(client.frames.map(({ type }) => type).slice(-3)).toEqual(['goingAway', 'ack', 'error']);
    toRedis.heal();
    expect(await ended).toEqual({ code: 0, signal: null });
  });
});

describe('the status page, where the web client was not built', () => {
  const page = async (headers: Record<string, string> = {}) =>
    http(`${gateway.url}/`, { token: null, headers });

  it('says what to do next, and shows nothing to strangers', async () => {
    const { status, text, headers } = await page();
    expect(status).toBe(200);
    expect(text).toContain('npx --no-install holdfast login-link');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).not.toMatch(/<script/i);
  });

  it('after the login link lists the sessions, with hostile titles as plain text [G-04]', async () => {
    const login = await http(`${gateway.url}/login?token=${TEST_TOKEN}`, { token: null });
    expect([login.status, login.headers.get('location')]).toEqual([303, '/']);
    const cookie = login.headers.get('set-cookie') ?? '';
    expect(cookie).toContain('HttpOnly');
    expect(cookie).toContain('SameSite=Strict');
    const title = '<img src=x onerror=alert(1)>"\'&';
    await http(`${gateway.url}/v1/sessions`, {
      method: 'POST',
      body: { createId: crypto.randomUUID(), title },
    });
    const { text } = await page({ cookie: cookie.split(';', 1)[0] ?? '' });
    expect(text).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;');
    expect(text).not.toContain('<img');
  });

  it('a wrong login link sets no cookie', async () => {
    const login = await http(`${gateway.url}/login?token=wrong-wrong-wrong-wrong`, { token: null });
    expect(login.status).toBe(401);
    expect(login.headers.get('set-cookie')).toBeNull();
    const inBrowser = await http(`${gateway.url}/login?token=x`, {
      token: null,
      headers: { accept: 'text/html' },
    });
    expect([inBrowser.status, inBrowser.text.includes('login-link')]).toEqual([401, true]);
  });
});

describe('the log', () => {
  it('at its most talkative holds no token and no text of a prompt [G-04]', async () => {
    const sessionId = await createStoredSession(redis);
    await using client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    const content = [{ type: 'text', text: 'very secret words' }];
    await client.request({ type: 'prompt', sessionId, promptId: 'p1', content });
    await http(`${gateway.url}/v1/sessions/${sessionId}/prompts`, {
      method: 'POST',
      body: { promptId: 'p2', content },
    });
    await http(`${gateway.url}/login?token=${TEST_TOKEN}`, { token: null });
    await http(`${gateway.url}/login?token=${TEST_TOKEN}x`, { token: null });
    await using refused = await connect(gateway.wsUrl);
    refused.send({ type: 'hello', version: 1, token: `${TEST_TOKEN}y` });
    await refused.closed;
    expect(gateway.logs().length).toBeGreaterThan(1);
    expect(gateway.output()).not.toContain(TEST_TOKEN);
    expect(gateway.output()).not.toContain('very secret words');
  });
});
