// Logging in: the login link, JWTs of a team, API keys; by header, cookie, subprotocol and hello; and what ends it.
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, SignJWT, type CryptoKey, type KeyObject } from 'jose';
import { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Redis } from '@holdfast/shared/store';
import { http, type HttpAnswer } from '../support/http.ts';
import { runToExit, startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { openSse } from '../support/sse-client.ts';
import { connect } from '../support/ws-client.ts';

const SECRET = 'a shared secret of thirty-two characters, or more';
const ISSUER = 'https://id.example';

let server: TestRedis;
let redis: Redis;
let local: TestGateway;
let team: TestGateway;
/** Nothing of these may be in a log. */
const secrets: string[] = [TEST_TOKEN, SECRET];

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  local = await startGateway({ redis: server, env: { HOLDFAST_LOG_LEVEL: 'trace' } });
  team = await startGateway({
    redis: server,
    env: {
      ...{ HOLDFAST_AUTH: 'team', HOLDFAST_ISOLATION: 'shared', HOLDFAST_LOG_LEVEL: 'trace' },
      ...{ HOLDFAST_JWT_SECRET: SECRET, HOLDFAST_JWT_ISSUER: ISSUER, HOLDFAST_JWT_AUDIENCE: 'holdfast' },
    },
  });
});
afterAll(async () => {
  const logs = local.output() + team.output();
  await local[Symbol.asyncDispose]();
  await team[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  for (const secret of secrets) expect(logs.includes(secret)).toBe(false);
});

interface Claims {
  readonly sub?: string;
  readonly lifeS?: number;
  readonly issuer?: string;
  readonly audience?: string;
  readonly key?: Uint8Array | CryptoKey | KeyObject;
  readonly alg?: string;
}

async function tokenOf(claims: Claims = {}): Promise<string> {
  const { sub = 'ann', lifeS = 600, issuer = ISSUER, audience = 'holdfast' } = claims;
  const expiry = Math.floor(Date.now() / 1000) + lifeS;
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: claims.alg ?? 'HS256', kid: 'k1' })
    .setSubject(sub)
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime(expiry)
    .sign(claims.key ?? new TextEncoder().encode(SECRET));
  secrets.push(token);
  return token;
}

const me = async (gateway: TestGateway, token: string | null, headers = {}): Promise<HttpAnswer> =>
  http(`${gateway.url}/v1/me`, { token, headers });
const codeOf = ({ json }: HttpAnswer): unknown => (json?.['error'] as { code?: unknown } | undefined)?.code; // compared by the tests
const cookieOf = (answer: HttpAnswer): string => answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '';

describe('the local login link', () => {
  it('becomes a cookie with a login of its own: the token is in no later address, header or log [G-04]', async () => {
    const login = await http(`${local.url}/login?token=${TEST_TOKEN}`, { token: null });
    expect([login.status, login.headers.get('location')]).toEqual([303, '/']);
    const cookie = login.headers.get('set-cookie') ?? '';
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/', 'Expires=']) expect(cookie).toContain(part);
    expect(cookie).not.toContain(TEST_TOKEN);
    expect(await me(local, null, { cookie: cookieOf(login) })).toMatchObject({ json: { userId: 'local' } });
    const stored = await redis.keys('hf:cred:*');
    expect(stored.join()).not.toContain(cookieOf(login).split('=')[1] ?? 'x');
  });

  it('ends with the logout, on open connections too [G-04]', async () => {
    const cookie = cookieOf(await http(`${local.url}/login?token=${TEST_TOKEN}`, { token: null }));
    await using client = await connect(local.wsUrl, { ws: { headers: { cookie, origin: local.url } } });
    client.send({ type: 'hello', version: 1 });
    await client.next('welcome');
    const logout = await http(`${local.url}/logout`, { method: 'POST', token: null, headers: { cookie } });
    expect(logout.status).toBe(204);
    expect(await client.closed).toEqual({ code: 4401, reason: 'unauthenticated' });
    expect((await me(local, null, { cookie })).status).toBe(401);
  });

  it('is not logged in or out by pages of other origins [G-04]', async () => {
    const foreign = { origin: 'https://evil.example' };
    const body = { token: TEST_TOKEN };
    for (const path of ['/login', '/logout']) {
      const answer = await http(`${local.url}${path}`, {
        method: 'POST',
        body,
        headers: foreign,
        token: null,
      });
      expect(codeOf(answer)).toBe('origin_refused');
    }
  });
});

describe('a JWT of the team', () => {
  it('logs in by header, by hello, by subprotocol, and as a cookie that ends with it [G-04]', async () => {
    const token = await tokenOf();
    expect(await me(team, token)).toMatchObject({ json: { userId: 'ann' } });
    await using hello = await connect(team.wsUrl, { token });
    expect(await hello.next('welcome')).toMatchObject({ userId: 'ann' });
    const carrier = `holdfast.token.${Buffer.from(token).toString('base64url')}`;
    await using carried = await connect(team.wsUrl, { protocols: ['holdfast.v1', carrier] });
    expect(carried.socket.protocol).toBe('holdfast.v1');
    carried.send({ type: 'hello', version: 1 });
    expect(await carried.next('welcome')).toMatchObject({ userId: 'ann' });
    const login = await http(`${team.url}/login`, { method: 'POST', body: { token }, token: null });
    expect(await me(team, null, { cookie: cookieOf(login) })).toMatchObject({ json: { userId: 'ann' } });
  });

  it.each<[string, Claims]>([
    ['has ended', { lifeS: -60 }],
    ['is of another issuer', { issuer: 'https://evil.example' }],
    ['is for another audience', { audience: 'other' }],
    ['is signed with another secret', { key: new TextEncoder().encode('x'.repeat(40)) }],
    ['names the user of local mode', { sub: 'local' }],
    ['names a path as its user', { sub: '../ann' }],
    ['names a user with a line feed', { sub: 'ann\nx' }],
  ])('that %s is none [G-04]', async (_what, claims) => {
    const answer = await me(team, await tokenOf(claims));
    expect([answer.status, codeOf(answer)]).toEqual([401, 'unauthenticated']);
  });

  it.each([
    ['without a signature', { alg: 'none' }],
    ['with a header that says so', { alg: 'None', typ: 'JWT' }],
  ])('%s is none [G-04]', async (_what, header) => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = { sub: 'ann', iss: ISSUER, aud: 'holdfast', exp: Math.floor(Date.now() / 1000) + 600 };
    expect((await me(team, `${part(header)}.${part(payload)}.`)).status).toBe(401);
  });

  it('is never taken from an address, and the local token is none here [G-04]', async () => {
    const token = await tokenOf();
    for (const query of [`token=${token}`, `token=${TEST_TOKEN}`]) {
      const login = await http(`${team.url}/login?${query}`, { token: null });
      expect([login.status, login.headers.get('set-cookie')]).toEqual([401, null]);
    }
    expect((await me(team, TEST_TOKEN)).status).toBe(401);
  });

  it('that ends closes the connections and streams that it opened; one refreshed in time stays [G-04]', async () => {
    const lifeS = 2;
    await using left = await connect(team.wsUrl, { token: await tokenOf({ lifeS }) });
    await using kept = await connect(team.wsUrl, { token: await tokenOf({ lifeS }) });
    const created = await left.request({ type: 'create', createId: 'c1' });
    const token = await tokenOf({ lifeS });
    await using stream = await openSse(`${team.url}/v1/sessions/${String(created['sessionId'])}/events`, {
      authorization: `Bearer ${token}`,
    });
    expect(stream.status).toBe(200);
    const other = await kept.request({ type: 'refresh', token: await tokenOf({ sub: 'bob' }) });
    expect(other).toMatchObject({ type: 'error', code: 'refresh_refused' });
    expect(await kept.request({ type: 'refresh', token: await tokenOf() })).toMatchObject({ type: 'ack' });
    expect(await left.closed).toEqual({ code: 4401, reason: 'unauthenticated' });
    await stream.ended;
    await kept.ping();
  });

  it('is renewed by the client in time, and one of another user is not taken [G-04] [J-01]', async () => {
    using client = new Client({ url: team.url, token: await tokenOf({ lifeS: 3 }) });
    const { session } = await client.create();
    await expect(client.refresh(await tokenOf({ sub: 'bob' }))).rejects.toMatchObject({
      code: 'refresh_refused',
    });
    await client.refresh(await tokenOf());
    const raw = await connect(team.wsUrl, { token: await tokenOf({ lifeS: 3 }) });
    expect(await raw.closed).toMatchObject({ code: 4401 });
    expect(client.connection.getSnapshot()).toEqual({ kind: 'live' });
    expect((await client.http.inspect(session.sessionId)).session.ownerId).toBe('ann');
  });

  it('keeps users apart: folders, lists and sessions [G-01] [G-03]', async () => {
    const [ann, bob] = [await tokenOf({ sub: 'ann' }), await tokenOf({ sub: 'bob@x.org' })];
    const create = async (token: string, body: object): Promise<HttpAnswer> =>
      http(`${team.url}/v1/sessions`, { method: 'POST', body: { createId: 'same', ...body }, token });
    const mine = String((await create(ann, {})).json?.['sessionId']);
    const theirs = String((await create(bob, {})).json?.['sessionId']);
    expect(mine).not.toBe(theirs);
    const cwd = await redis.hget(`hf:{${mine.slice(1, 3)}}:${mine}:meta`, 'cwd');
    expect(cwd).toBe(join(team.workspaces, 'ann', mine));
    const taken = await create(bob, { createId: 'other', cwd });
    expect(codeOf(taken)).toBe('cwd_not_allowed');
    const { json } = await http(`${team.url}/v1/sessions`, { token: bob });
    expect(JSON.stringify(json)).not.toContain(mine);
    expect((await http(`${team.url}/v1/sessions/${mine}`, { token: bob })).status).toBe(404);
  });
});

describe('the key that JWTs are checked with', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = String(pair.publicKey.export({ type: 'spki', format: 'pem' }));
  let folder: string;
  let keys: Server;
  let keysUrl: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-jwt-'));
    await writeFile(join(folder, 'key.pem'), pem);
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'RS256' };
    keys = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    await once(keys.listen(0, '127.0.0.1'), 'listening');
    keysUrl = `http://127.0.0.1:${z.object({ port: z.int() }).parse(keys.address()).port}/keys`;
  });
  afterAll(async () => {
    keys.close();
    await rm(folder, { recursive: true });
  });
  const asymmetric = async (env: Record<string, string>): Promise<TestGateway> =>
    startGateway({ redis: server, env: { HOLDFAST_AUTH: 'team', HOLDFAST_ISOLATION: 'shared', ...env } });

  it('may be a public key, which is never taken for a secret [G-04]', async () => {
    await using gateway = await asymmetric({ HOLDFAST_JWT_PUBLIC_KEY: join(folder, 'key.pem') });
    const good = await tokenOf({ key: pair.privateKey, alg: 'RS256' });
    expect(await me(gateway, good)).toMatchObject({ json: { userId: 'ann' } });
    const confused = await tokenOf({ key: new TextEncoder().encode(pem) });
    expect((await me(gateway, confused)).status).toBe(401);
  });

  it('may come from an address; while that is away nobody is taken for a stranger [G-04]', async () => {
    await using gateway = await asymmetric({ HOLDFAST_JWT_JWKS_URL: keysUrl });
    const good = await tokenOf({ key: pair.privateKey, alg: 'RS256' });
    expect(await me(gateway, good)).toMatchObject({ json: { userId: 'ann' } });
    await using cut = await asymmetric({ HOLDFAST_JWT_JWKS_URL: 'http://127.0.0.1:1/keys' });
    const answer = await me(cut, good);
    expect([answer.status, codeOf(answer)]).toEqual([503, 'identity_unavailable']);
  });

  it.each<[string, Record<string, string>]>([
    ['HOLDFAST_JWT_SECRET', { HOLDFAST_ISOLATION: 'shared' }],
    ['HOLDFAST_ISOLATION=shared', { HOLDFAST_JWT_SECRET: SECRET }],
    ['at least 32', { HOLDFAST_ISOLATION: 'shared', HOLDFAST_JWT_SECRET: 'short' }],
    ['HOLDFAST_TLS_KEY', { HOLDFAST_TLS_CERT: '/nonexistent', HOLDFAST_JWT_SECRET: SECRET }],
  ])('must be one, and what is missing is named: %s [G-04] [G-06]', async (name, env) => {
    const { url, password = '' } = server.address;
    const exit = await runToExit({
      main: 'apps/gateway/src/main.ts',
      env: {
        ...{ REDIS_URL: url, HOLDFAST_REDIS_PASSWORD: password, HOLDFAST_PORT: '0', HOLDFAST_AUTH: 'team' },
        ...{ HOLDFAST_DATA_DIR: folder, ...env },
      },
    });
    expect(exit.code).toBe(1);
    expect(exit.output).toContain(name);
  });
});

describe('an API key', () => {
  const make = async (scopes: readonly string[], more = {}): Promise<{ id: string; key: string }> => {
    const body = { name: 'ci', scopes, ...more };
    const answer = await http(`${team.url}/v1/keys`, { method: 'POST', body, token: await tokenOf() });
    const made = z.object({ id: z.string(), key: z.string() }).parse(answer.json);
    secrets.push(made.key);
    return made;
  };

  it('does what it was made for, and nothing else [G-04]', async () => {
    const reader = await make(['read']);
    const [list, create] = [
      await http(`${team.url}/v1/sessions`, { token: reader.key }),
      await http(`${team.url}/v1/sessions`, { method: 'POST', body: { createId: 'k1' }, token: reader.key }),
    ];
    expect([list.status, codeOf(create)]).toEqual([200, 'not_permitted']);
    const writer = await make(['read', 'write']);
    const made = await http(`${team.url}/v1/sessions`, {
      method: 'POST',
      body: { createId: 'k1' },
      token: writer.key,
    });
    const id = String(made.json?.['sessionId']);
    await using client = await connect(team.wsUrl, { token: reader.key });
    await client.attach(id as Parameters<typeof client.attach>[0]); // answered by the gateway
    const content = [{ type: 'text', text: 'x' }];
    const prompt = { type: 'prompt', sessionId: id, promptId: 'p1', content };
    expect(await client.request(prompt)).toMatchObject({ code: 'not_permitted' });
    const decide = { type: 'decide', sessionId: id, approvalId: 'a', decision: { kind: 'deny' } };
    expect(await client.request(decide)).toMatchObject({ code: 'not_permitted' });
    for (const key of [reader.key, writer.key]) {
      const more = await http(`${team.url}/v1/keys`, {
        method: 'POST',
        body: { name: 'x', scopes: ['manage'] },
        token: key,
      });
      expect(codeOf(more)).toBe('not_permitted');
      const login = await http(`${team.url}/login`, { method: 'POST', body: { token: key }, token: null });
      expect(login.status).toBe(401);
    }
  });

  it('is shown once and stored as a digest, and a revocation closes what it opened [G-04]', async () => {
    const { id, key } = await make(['read']);
    await using client = await connect(team.wsUrl, { token: key });
    const token = await tokenOf();
    const { json, text } = await http(`${team.url}/v1/keys`, { token });
    expect(JSON.stringify(json?.['keys'])).toContain(id);
    expect(text).not.toContain(key);
    const stored = await Promise.all((await redis.keys('hf:*')).map(async (name) => redis.dump(name)));
    expect(stored.some((value) => value.includes(key))).toBe(false);
    const foreign = await http(`${team.url}/v1/keys/${id}`, {
      method: 'DELETE',
      token: await tokenOf({ sub: 'bob' }),
    });
    expect(codeOf(foreign)).toBe('key_not_found');
    expect((await http(`${team.url}/v1/keys/${id}`, { method: 'DELETE', token })).status).toBe(204);
    expect(await client.closed).toEqual({ code: 4401, reason: 'unauthenticated' });
    expect((await me(team, key)).status).toBe(401);
  });

  it('that was made for a time ends by itself, and closes what it opened also where nothing was heard [G-04]', async () => {
    const short = await make(['read'], { expiresInDays: 1.5 / 86_400 });
    const lasting = await make(['read']);
    await using first = await connect(team.wsUrl, { token: short.key });
    await using second = await connect(team.wsUrl, { token: lasting.key });
    expect(await first.closed).toMatchObject({ code: 4401 });
    for (const name of await redis.keys('hf:cred:*')) await redis.del(name);
    expect(await second.closed).toMatchObject({ code: 4401 });
  });
});
