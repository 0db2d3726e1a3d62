// Attacks on the service from outside: each is refused, costs it little, and leaves it answering everybody else.
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { connect as openSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mintSessionId, type SessionId } from '@holdfast/shared/protocol';
import { sessionKeys, type Redis } from '@holdfast/shared/store';
import { createStoredSession } from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { connect } from '../support/ws-client.ts';

let server: TestRedis;
let redis: Redis;
let gateway: TestGateway;
let mine: SessionId;
let foreign: SessionId;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  gateway = await startGateway({ redis: server, env: { HOLDFAST_LOG_LEVEL: 'trace' } });
  mine = await createStoredSession(redis);
  foreign = await createStoredSession(redis, 'somebody-else');
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
// Whatever was tried: the gateway answers, and nothing was given to a session.
afterEach(async () => {
  expect((await http(`${gateway.url}/readyz`)).status).toBe(200);
  for (const id of [mine, foreign]) expect(await redis.hget(sessionKeys(id).meta, 'inboxHead')).toBe('0');
});

/** Sends bytes as they are; resolves with what came back when the other side has closed. */
async function raw(
  text: string,
  { keepOpen = false } = {},
): Promise<{ socket: Socket; answer: () => string }> {
  const socket = openSocket(gateway.port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => void (answer += chunk));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text);
  // `once` would reject on the reset that some refusals end with.
  if (!keepOpen) await new Promise((resolve) => socket.once('close', resolve));
  return { socket, answer: () => answer };
}

describe('paths', () => {
  it.each([
    '/assets/../../../../etc/passwd',
    '/assets/..%2f..%2f..%2fetc%2fpasswd',
    '/assets/%2e%2e/%2e%2e/package.json',
    '/assets/..\\..\\package.json',
    '/assets/%00',
    '/../.env',
    '/s/../../etc/passwd',
    '//etc/passwd',
  ])('%s leads to nothing outside the page [G-01]', async (path) => {
    const { answer } = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer()).toMatch(/^HTTP\/1\.1 (400|404|200) /);
    expect(answer()).not.toMatch(/root:|"workspaces"|HOLDFAST_/);
  });

  it('as a working directory: what leads out of the roots is refused, by dots or by links [B-10]', async () => {
    await mkdir(join(gateway.workspaces, 'shop'), { recursive: true });
    await symlink('/etc', join(gateway.workspaces, 'way-out'));
    await writeFile(join(gateway.workspaces, 'file'), 'x');
    const roots = gateway.workspaces;
    for (const cwd of [
      ...[
        '/etc',
        '/',
        `${roots}/../..`,
        `${roots}/way-out`,
        `${roots}/shop/../../..`,
        `${roots}/way-out/ssl`,
      ],
      ...[`${roots}/file`, `${roots}-evil`, 'shop', `${roots}/shop\u0000/../../etc`],
    ]) {
      const made = await http(`${gateway.url}/v1/sessions`, {
        method: 'POST',
        body: { createId: 'p1', cwd },
      });
      expect(made.status).toBe(400);
      expect(made.text).toMatch(/"code":"cwd_(not_allowed|missing)"/);
    }
  });
});

describe('slow and half-open peers', () => {
  it('that send their headers drop by drop are cut off, and hold up nobody [G-07]', async () => {
    const slow = await Promise.all(
      Array.from({ length: 50 }, async () => raw('GET /healthz HTTP/1.1\r\nHost: x\r\n', { keepOpen: true })),
    );
    const drip = setInterval(() => {
      for (const { socket } of slow) socket.write('X-a: b\r\n');
    }, 1_000);
    const startedAt = performance.now();
    expect((await http(`${gateway.url}/healthz`)).status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await Promise.all(
      slow.map(async ({ socket }) => (socket.closed ? undefined : once(socket, 'close'))),
    ).finally(() => clearInterval(drip));
    expect(performance.now() - startedAt).toBeLessThan(16_000);
  });

  it('that claim a body they never send get no memory for it [G-07]', async () => {
    const { socket, answer } = await raw(
      `POST /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TEST_TOKEN}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 900000000\r\n\r\n{',
      { keepOpen: true },
    );
    await until(() => answer().startsWith('HTTP/1.1 413'), { what: 'the refusal' });
    socket.destroy();
  });
});

describe('malformed HTTP', () => {
  it.each([
    [
      'two lengths',
      'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{"a"}',
    ],
    [
      'a length beside chunks',
      'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['no HTTP at all', '\u0016\u0003\u0001\u0002 hello\r\n\r\n'],
    ['a header with a line feed', 'GET /v1/me HTTP/1.1\r\nHost: x\r\nX-A: b\nX-B: c\u0000\r\n\r\n'],
    ['headers without end', `GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`],
  ])('%s is refused, and nothing behind it is taken for a request', async (_what, text) => {
    const { answer } = await raw(text);
    expect(answer()).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    expect(answer().match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
  });
});

describe('what is sent to be written somewhere', () => {
  const evil = 'x\r\nset-cookie: a=b\r\n\r\n{"level":"fatal","forged":true}\n';

  it('adds no header to an answer, and no line to the log [G-04]', async () => {
    const headers = { 'x-request-id': 'mine', 'user-agent': encodeURI(evil) };
    const found = await http(`${gateway.url}/v1/sessions/${encodeURIComponent(evil)}`, { headers });
    expect([found.status, found.headers.get('set-cookie')]).toEqual([404, null]);
    expect(found.headers.get('x-request-id')).not.toBe('mine');
    await using client = await connect(gateway.wsUrl);
    client.send({ type: 'hello', version: 1, token: TEST_TOKEN, client: evil.slice(0, 100) });
    await client.next('welcome');
    await client.request({ type: 'set', sessionId: foreign, title: evil });
    await client.request({ type: evil, sessionId: mine });
    await http(`${gateway.url}/login?token=${encodeURIComponent(evil)}`, { token: null });
    expect(gateway.logs().filter((line) => line['forged'] === true)).toEqual([]);
  });

  it('changes nothing that everything is made of', async () => {
    await using client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    for (const text of [
      `{"type":"set","requestId":"q1","sessionId":"${foreign}","__proto__":{"archived":true}}`,
      `{"type":"set","requestId":"q2","sessionId":"${foreign}","constructor":{"prototype":{"title":"x"}}}`,
    ]) {
      client.socket.send(text);
    }
    await client.ping();
    expect(await client.request({ type: 'set', sessionId: foreign })).toMatchObject({
      code: 'session_not_found',
    });
    expect((await http(`${gateway.url}/v1/sessions`)).json?.['sessions']).toHaveLength(1);
  });
});

describe('bombs', () => {
  it('of depth and of size are refused as frames, and the connection goes on or ends with its code', async () => {
    await using client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    const deep = `{"type":"decide","requestId":"d","sessionId":"${mine}","approvalId":"a","decision":{"kind":"allow","input":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}}`;
    client.socket.send(deep);
    await until(() => client.frames.some((frame) => frame.type === 'error'), { what: 'the refusal' });
    await client.ping();
    const content = Array.from({ length: 51 }, () => ({ type: 'text', text: 'x' }));
    expect(await client.request({ type: 'prompt', sessionId: mine, promptId: 'p', content })).toMatchObject({
      type: 'error',
    });
    client.socket.send('x'.repeat(1_500_000));
    expect(await client.closed).toMatchObject({ code: 1009 });
  });

  it('that were compressed are not unpacked: compression is not spoken', async () => {
    await using client = await connect(gateway.wsUrl, { token: TEST_TOKEN, ws: { perMessageDeflate: true } });
    expect(client.socket.extensions).toBe('');
  });

  it('of frames are answered with rate_limited, and others are served meanwhile [G-07]', async () => {
    await using flood = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    for (let count = 0; count < 1_500; count += 1) {
      flood.send({ type: 'abort', requestId: `f${count}`, sessionId: foreign });
    }
    const startedAt = performance.now();
    expect((await http(`${gateway.url}/v1/sessions`)).status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await until(() => flood.frames.some((frame) => frame['code'] === 'rate_limited'), { what: 'the limit' });
  });
});

describe('guessing', () => {
  it('session ids gives one answer, whether near a real one or not [G-03]', async () => {
    const near = `${foreign.slice(0, -1)}${foreign.endsWith('0') ? '1' : '0'}`;
    const answers = await Promise.all(
      [foreign, near, mintSessionId(), `${foreign}x`, foreign.toLowerCase()].map(async (id) =>
        http(`${gateway.url}/v1/sessions/${id}`),
      ),
    );
    const bodies = answers.map(({ text, json }) => text.replace(String(json?.['requestId']), 'ID'));
    expect(new Set(bodies).size).toBe(1);
  });
});

describe('a WebSocket of another site', () => {
  it.each(['https://evil.example', 'null', 'http://127.0.0.1.evil.example', 'file://'])(
    'from %s is refused before it exists [G-04]',
    async (origin) => {
      const login = await http(`${gateway.url}/login?token=${TEST_TOKEN}`, { token: null });
      const cookie = login.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
      const { answer } = await raw(
        `GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: ${origin}\r\nCookie: ${cookie}\r\n\r\n`,
      );
      expect(answer()).toMatch(/^HTTP\/1\.1 403 /);
      expect(answer()).toContain('origin_refused');
    },
  );
});
