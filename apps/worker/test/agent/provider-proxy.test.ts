// The provider's key stays with the worker: children sign with keys of their own, which end with them.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '@holdfast/shared/runtime';
import { claudeEnvironment } from '../../src/agent/claude-command.ts';
import { providerHeaders, startProviderProxy, type ProviderProxy } from '../../src/agent/provider-proxy.ts';

const KEY = 'sk-ant-of-the-operator';
const logger = createLogger({ part: 'test', level: 'silent' });

let upstream: Server;
let proxy: ProviderProxy;
const seen: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = [];
/** Answers that are still written to. */
let streaming: ServerResponse | undefined;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => void (body += chunk));
    request.on('end', () => {
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_1' });
      response.write('data: one\n\n');
      if (body === 'stream') streaming = response;
      else response.end();
    });
  });
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  const { port } = upstream.address() as AddressInfo; // listens on TCP
  const started = await startProviderProxy(
    {
      ANTHROPIC_API_KEY: KEY,
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}/base/`,
      ANTHROPIC_CUSTOM_HEADERS: 'X-Team: blue\nnonsense',
    },
    logger,
  );
  if (started === null) throw new Error('no proxy');
  proxy = started;
});
afterAll(async () => {
  await proxy.close();
  upstream.closeAllConnections();
  upstream.close();
});

const call = async (url: string, key: string, body = '{}'): Promise<Response> =>
  fetch(`${url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'x-other': 'a' },
    body,
  });

describe('the proxy to the provider', () => {
  it("signs a child's call with the provider's key, and passes all else on [G-06]", async () => {
    const seat = proxy.seat();
    const answer = await call(seat.url, seat.key, '{"model":"m"}');
    expect([answer.status, answer.headers.get('request-id'), await answer.text()]).toEqual([
      200,
      'req_1',
      'data: one\n\n',
    ]);
    const got = seen.at(-1);
    expect(got).toMatchObject({ method: 'POST', url: '/base/v1/messages?beta=true', body: '{"model":"m"}' });
    expect(got?.headers).toMatchObject({ 'x-api-key': KEY, 'x-team': 'blue', 'x-other': 'a' });
    expect(JSON.stringify(got?.headers)).not.toContain(seat.key);
    seat.close();
  });

  it('answers HEAD / itself, and takes the key as a bearer too', async () => {
    const seat = proxy.seat();
    const before = seen.length;
    expect((await fetch(seat.url, { method: 'HEAD' })).status).toBe(200);
    expect(seen).toHaveLength(before);
    const headers = { authorization: `Bearer ${seat.key}` };
    expect((await fetch(`${seat.url}/v1/messages`, { method: 'POST', headers })).status).toBe(200);
    expect(seen.at(-1)?.headers['authorization']).toBeUndefined();
    seat.close();
  });

  it('passes a stream on as it comes, and ends it with the child [G-06]', async () => {
    const seat = proxy.seat();
    const answer = await call(seat.url, seat.key, 'stream');
    const reader = answer.body?.getReader();
    const text = async (): Promise<string> => new TextDecoder().decode((await reader?.read())?.value);
    expect(await text()).toBe('data: one\n\n');
    streaming?.write('data: two\n\n');
    expect(await text()).toBe('data: two\n\n');
    seat.close();
    await expect(text()).rejects.toThrow();
    expect((await call(seat.url, seat.key)).status).toBe(401);
  });

  it('knows no other keys: none, another one, one of a child that ended [G-06]', async () => {
    const [one, other] = [proxy.seat(), proxy.seat()];
    other.close();
    const before = seen.length;
    for (const key of ['', 'x', KEY, `${one.key}x`, other.key])
      expect((await call(one.url, key)).status).toBe(401);
    expect(seen).toHaveLength(before);
    one.close();
  });

  it('that can not reach the provider says so', async () => {
    const lost = await startProviderProxy(
      { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: 'http://127.0.0.1:1' },
      logger,
    );
    const seat = lost?.seat();
    const answer = await call(seat?.url ?? '', seat?.key ?? '');
    expect(answer.status).toBe(502);
    expect(await answer.text()).not.toContain(KEY);
    await lost?.close();
  });
});

describe("a child's environment", () => {
  it('has the address and the key of its seat, and nothing that is worth anything elsewhere [G-06]', () => {
    const workerEnv = {
      ...{ PATH: '/bin', ANTHROPIC_API_KEY: KEY, ANTHROPIC_AUTH_TOKEN: 'secret-1', ANTHROPIC_MODEL: 'opus' },
      ...{ ANTHROPIC_CUSTOM_HEADERS: 'X: secret-2', AWS_SECRET_ACCESS_KEY: 'secret-3', NO_PROXY: 'intra' },
      ...{ HOLDFAST_REDIS_PASSWORD: 'secret-4', REDIS_URL: 'redis://secret-5', HOLDFAST_TOKEN: 'secret-6' },
    };
    const env = claudeEnvironment({
      ...{ workerEnv, sessionId: 's', configDir: '/c', scratchDir: '/t', demoModelUrl: null, isRoot: false },
      provider: { url: 'http://127.0.0.1:9', key: 'hfs_1' },
    });
    expect(env).toMatchObject({
      ...{ PATH: '/bin', ANTHROPIC_MODEL: 'opus', NO_PROXY: 'intra,127.0.0.1' },
      ...{ ANTHROPIC_BASE_URL: 'http://127.0.0.1:9', ANTHROPIC_API_KEY: 'hfs_1' },
    });
    expect(JSON.stringify(env)).not.toMatch(/secret-|sk-ant/);
  });

  it.each([
    [{ ANTHROPIC_API_KEY: 'k' }, { 'x-api-key': 'k' }],
    [{ ANTHROPIC_AUTH_TOKEN: 't', ANTHROPIC_API_KEY: 'k' }, { authorization: 'Bearer t' }],
    [{ ANTHROPIC_API_KEY: 'k', CLAUDE_CODE_USE_BEDROCK: '1' }, null],
    [{ CLAUDE_CODE_OAUTH_TOKEN: 'o' }, null],
    [{}, null],
  ])('%o is signed with %o', (env, headers) => expect(providerHeaders(env)).toEqual(headers));
});
