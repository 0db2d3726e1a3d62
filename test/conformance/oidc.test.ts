// Logging a browser in at a real OpenID provider: code flow with PKCE, through all redirects, and attempts to misuse it.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Provider } from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startGateway, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let providerServer: Server;
let issuer: string;
let gateway: TestGateway;

const portOf = (listening: Server): number => z.object({ port: z.int() }).parse(listening.address()).port;

beforeAll(async () => {
  server = await startRedis();
  // The provider must know where to send people back to before the gateway has a port: the gateway takes a free one.
  const probe = createServer();
  await once(probe.listen(0, '127.0.0.1'), 'listening');
  const gatewayPort = portOf(probe);
  probe.close();
  await once(probe, 'close');
  providerServer = createServer();
  await once(providerServer.listen(0, '127.0.0.1'), 'listening');
  issuer = `http://127.0.0.1:${portOf(providerServer)}`;
  const publicUrl = `http://127.0.0.1:${gatewayPort}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'holdfast',
        client_secret: 'the secret of this client',
        redirect_uris: [`${publicUrl}/login/oidc/callback`],
      },
    ],
    pkce: { required: () => true },
    findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    cookies: { keys: ['only for this test'] },
  });
  const answer = provider.callback();
  providerServer.on('request', (request, response) => void answer(request, response));
  gateway = await startGateway({
    redis: server,
    env: {
      ...{ HOLDFAST_AUTH: 'team', HOLDFAST_ISOLATION: 'shared', HOLDFAST_PUBLIC_URL: publicUrl },
      ...{ HOLDFAST_OIDC_ISSUER: issuer, HOLDFAST_OIDC_CLIENT_ID: 'holdfast' },
      ...{ HOLDFAST_OIDC_CLIENT_SECRET: 'the secret of this client', HOLDFAST_PORT: String(gatewayPort) },
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  providerServer.closeAllConnections();
  providerServer.close();
  await server[Symbol.asyncDispose]();
});

/** As much of a browser as a login needs: cookies by host and port, and redirects that are followed one by one. */
class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  async get(url: string, form?: Readonly<Record<string, string>>): Promise<Response> {
    const { origin } = new URL(url);
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      redirect: 'manual',
      headers: cookie === '' ? {} : { cookie },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';', 1)[0]?.split(/=(.*)/s) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  cookies(url: string): readonly string[] {
    return [...(this.#cookies.get(new URL(url).origin)?.keys() ?? [])];
  }

  /** Logs in at the provider as `user`; resolves with the address that leads back to the gateway. */
  async wayBack(user: string): Promise<string> {
    let at = `${gateway.url}/login/oidc`;
    for (let step = 0; step < 12; step += 1) {
      if (at.startsWith(`${gateway.url}/login/oidc/callback`)) return at;
      const page = await this.get(at);
      const next = page.headers.get('location');
      if (next !== null) {
        at = new URL(next, at).href;
        continue;
      }
      const text = await page.text();
      const [, action = ''] = /action="([^"]+)"/.exec(text) ?? [];
      const form = text.includes('name="login"')
        ? { prompt: 'login', login: user, password: 'x' }
        : { prompt: 'consent' };
      const sent = await this.get(new URL(action, at).href, form);
      at = new URL(sent.headers.get('location') ?? '', at).href;
    }
    throw new Error(`the provider led to ${at}`);
  }
}

describe('a login at the identity provider', () => {
  it('ends with a cookie of our own, and no token in any address of ours [G-04]', async () => {
    const browser = new Browser();
    const back = await browser.wayBack('ann');
    const done = await browser.get(back);
    expect([done.status, done.headers.get('location')]).toEqual([303, '/']);
    expect(browser.cookies(gateway.url)).toEqual(['holdfast_token']);
    const me = await browser.get(`${gateway.url}/v1/me`);
    expect(await me.json()).toMatchObject({ userId: 'ann' });
    const code = new URL(back).searchParams.get('code') ?? 'no code';
    expect(gateway.output()).not.toContain(code);
  });

  it('is asked for with PKCE, a state and a nonce, all new each time [G-04]', async () => {
    const addresses = await Promise.all(
      [1, 2].map(
        async () => (await new Browser().get(`${gateway.url}/login/oidc`)).headers.get('location') ?? '',
      ),
    );
    const [one, two] = addresses.map((address) => new URL(address).searchParams);
    expect(one?.get('code_challenge_method')).toBe('S256');
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(one?.get(name)?.length).toBeGreaterThan(20);
      expect(one?.get(name)).not.toBe(two?.get(name));
    }
  });

  it('that another browser began is not finished here, and none is finished twice [G-04]', async () => {
    const mallory = new Browser();
    const back = await mallory.wayBack('mallory');
    const victim = new Browser();
    expect((await victim.get(back)).status).toBe(401);
    await victim.get(`${gateway.url}/login/oidc`);
    expect((await victim.get(back)).status).toBe(401);
    expect(victim.cookies(gateway.url)).not.toContain('holdfast_token');
    expect((await mallory.get(back)).status).toBe(303);
    expect((await mallory.get(back)).status).toBe(401);
  });

  it('with an answer that was changed is none [G-04]', async () => {
    for (const change of [
      (url: URL) => url.searchParams.set('code', 'guessed'),
      (url: URL) => url.searchParams.set('state', 'guessed'),
      (url: URL) => url.searchParams.set('iss', 'https://evil.example'),
      (url: URL) => url.searchParams.set('error', 'access_denied'),
    ]) {
      const browser = new Browser();
      const back = new URL(await browser.wayBack('ann'));
      change(back);
      expect((await browser.get(back.href)).status).toBe(401);
    }
  });
});
