// How the gateway is reached from elsewhere: by TLS of its own, under a public address with a path, behind a proxy.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { connect } from '../support/ws-client.ts';

let server: TestRedis;
let folder: string;

beforeAll(async () => {
  server = await startRedis();
  folder = await mkdtemp(join(tmpdir(), 'holdfast-tls-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await server[Symbol.asyncDispose]();
});

describe('with a certificate of its own', () => {
  it('it speaks TLS alone, for calls and WebSockets, and its cookie is for HTTPS [G-04]', async () => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', key, '-out', cert],
    ]);
    const ca = await readFile(cert);
    await using gateway = await startGateway({
      redis: server,
      env: { HOLDFAST_TLS_CERT: cert, HOLDFAST_TLS_KEY: key },
    });
    const call = request(`https://127.0.0.1:${gateway.port}/login?token=${TEST_TOKEN}`, { ca });
    call.end();
    const [answer] = await once(call, 'response');
    answer.resume();
    expect(answer.statusCode).toBe(303);
    expect(String(answer.headers['set-cookie'])).toContain('; Secure');
    const cookie = String(answer.headers['set-cookie']).split(';', 1)[0] ?? '';
    const origin = `https://127.0.0.1:${gateway.port}`;
    await using client = await connect(`wss://127.0.0.1:${gateway.port}/v1/ws`, {
      ws: { ca, headers: { cookie, origin } },
    });
    client.send({ type: 'hello', version: 1 });
    expect(await client.next('welcome')).toMatchObject({ userId: 'local' });
    await expect(http(`http://127.0.0.1:${gateway.port}/healthz`)).rejects.toThrow();
  });
});

describe('under a public address with a path', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({
      redis: server,
      env: { HOLDFAST_PUBLIC_URL: 'https://team.example/holdfast/', HOLDFAST_TRUSTED_PROXIES: '127.0.0.1' },
    });
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  it('it answers with the path and without, and pages of that address may use the cookie [G-04]', async () => {
    for (const base of ['', '/holdfast']) {
      const login = await http(`${gateway.url}${base}/login?token=${TEST_TOKEN}`, { token: null });
      expect([login.status, login.headers.get('location')]).toEqual([303, '/holdfast/']);
      expect(login.headers.get('set-cookie')).toContain('; Path=/holdfast/; Secure');
      const cookie = login.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
      const me = async (origin: string): Promise<number> =>
        (await http(`${gateway.url}${base}/v1/me`, { token: null, headers: { cookie, origin } })).status;
      expect([await me('https://team.example'), await me('https://evil.example')]).toEqual([200, 403]);
      await using client = await connect(`ws://127.0.0.1:${gateway.port}${base}/v1/ws`, {
        ws: { headers: { cookie, origin: 'https://team.example' } },
      });
      client.send({ type: 'hello', version: 1 });
      await client.next('welcome');
    }
  });

  it("tells callers apart by what the proxy says, so that one's guesses do not lock out another [G-07]", async () => {
    const from = async (address: string, token: string): Promise<number> =>
      (await http(`${gateway.url}/v1/me`, { token, headers: { 'x-forwarded-for': address } })).status;
    const guesses = Array.from({ length: 101 }, async (_, index) =>
      from('203.0.113.7', `guess-${index}-123456789`),
    );
    await Promise.all(guesses);
    expect(await from('203.0.113.7', TEST_TOKEN)).toBe(429);
    expect(await from('203.0.113.8', TEST_TOKEN)).toBe(200);
    await using stranger = await startGateway({ redis: server });
    const lie = { 'x-forwarded-for': '203.0.113.7' };
    expect((await http(`${stranger.url}/v1/me`, { headers: lie })).status).toBe(200);
  });
});
