// Every kind of bad input gets its error of the catalogue, the connection survives where it can, nothing is written.
import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SessionId } from '@holdfast/shared/protocol';
import { sessionKeys, type Redis } from '@holdfast/shared/store';
import { createStoredSession } from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { runToExit, startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { connect, type TestClient } from '../support/ws-client.ts';

let server: TestRedis;
let redis: Redis;
let gateway: TestGateway;
let client: TestClient;
let mine: SessionId;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  gateway = await startGateway({ redis: server });
  mine = await createStoredSession(redis);
  client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
// Whatever was refused: the connection answers on, and no session got a command.
afterEach(async () => {
  await client.ping();
  expect(await redis.hget(sessionKeys(mine).meta, 'inboxHead')).toBe('0');
  expect(await redis.exists(sessionKeys(mine).inbox)).toBe(0);
});

/** The first error frame after what was sent now. */
async function errorAfter(raw: string | Buffer, on: TestClient = client): Promise<Record<string, unknown>> {
  const before = on.frames.length;
  on.socket.send(raw, { binary: Buffer.isBuffer(raw) });
  while (on.frames.length === before) await once(on.socket, 'message');
  const { text } = on.frames[before] ?? { text: '{}' };
  return JSON.parse(text) as Record<string, unknown>; // an object: it was parsed as a frame before
}
const text = (value: string): object[] => [{ type: 'text', text: value }];

describe('a frame', () => {
  it.each([
    ['that is not JSON', '{"type":', 'bad_json'],
    ['that is no object', '[1,2]', 'bad_request'],
    ['of an unknown type', '{"type":"teleport","requestId":"q1"}', 'unknown_frame'],
    ['without its fields', '{"type":"attach","requestId":"q2"}', 'bad_request'],
    ['that says hello again', `{"type":"hello","version":1,"token":"${TEST_TOKEN}"}`, 'hello_repeated'],
    ['that is binary', Buffer.from('{"type":"ping"}'), 'binary_frame'],
  ])('%s is answered with its error, and the connection goes on', async (_what, raw, code) => {
    const error = await errorAfter(raw);
    expect(error).toMatchObject({ type: 'error', code, retryable: false });
    expect(error['message']).toMatch(/^\w.*\.$/);
  });

  it('that is refused carries its request id back where that could be read', async () => {
    expect(await errorAfter('{"type":"teleport","requestId":"q9"}')).toMatchObject({ requestId: 'q9' });
  });

  it.each([
    ['a position that is no object', 'here', 'bad_position'],
    ['a negative offset', { epoch: 'abc', offset: -1 }, 'bad_position'],
    ['a fractional offset', { epoch: 'abc', offset: 1.5 }, 'bad_position'],
    ['an epoch of other letters', { epoch: 'A B', offset: 1 }, 'bad_position'],
    ['an offset beyond what counts exactly', { epoch: 'abc', offset: 2 ** 60 }, 'bad_position'],
  ])('attach with %s is a bad position', async (_what, position, code) => {
    expect(await client.request({ type: 'attach', sessionId: mine, position })).toMatchObject({ code });
  });

  it.each([
    ['no text', text('  \n '), 'prompt_empty'],
    ['no block', [], 'prompt_empty'],
    ['too much text', text('x'.repeat(200_001)), 'prompt_too_large'],
    [
      'too much text in all',
      [...text('x'.repeat(150_000)), ...text('x'.repeat(150_000))],
      'prompt_too_large',
    ],
    ['a block that is none', [{ type: 'hologram' }], 'bad_request'],
  ])('a prompt with %s is refused', async (_what, content, code) => {
    const sent = { type: 'prompt', sessionId: mine, promptId: 'p1', content };
    expect(await client.request(sent)).toMatchObject({ type: 'error', code });
  });

  it('attach twice, and detach of what is not attached, are refused', async () => {
    const session = await createStoredSession(redis);
    await client.attach(session);
    expect(await client.request({ type: 'attach', sessionId: session })).toMatchObject({
      code: 'already_attached',
    });
    expect(await client.request({ type: 'detach', sessionId: mine })).toMatchObject({ code: 'not_attached' });
  });

  it('attach to more sessions than a connection may follow is refused [G-07]', async () => {
    await using busy = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    const sessions = await Promise.all(Array.from({ length: 201 }, async () => createStoredSession(redis)));
    const answers = await Promise.all(
      sessions.map(async (sessionId) => busy.request({ type: 'attach', sessionId })),
    );
    const refused = answers.filter((answer) => answer.type === 'error');
    expect(refused).toMatchObject([{ code: 'too_many_attached' }]);
  });

  it('more frames than a connection may send are refused, and it may go on later [G-07]', async () => {
    await using busy = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    for (let count = 0; count < 700; count += 1) busy.send({ type: 'ping' });
    const error = await busy.next('error');
    expect(error).toMatchObject({ code: 'rate_limited', retryable: true });
    expect(busy.socket.readyState).toBe(busy.socket.OPEN);
  });
});

describe('an oversized frame', () => {
  it.each([1024 * 1024 + 1, 3 * 1024 * 1024])('of %d bytes ends the connection with 1009', async (size) => {
    await using big = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    big.socket.send(JSON.stringify({ type: 'ping', nonce: 'x'.repeat(size) }));
    expect((await big.closed).code).toBe(1009);
    const hasFrame = big.frames.some((frame) => frame['code'] === 'frame_too_large');
    expect(hasFrame).toBe(size < 2 * 1024 * 1024);
  });

  it('before hello need not be larger than a token', async () => {
    await using big = await connect(gateway.wsUrl);
    big.send({ type: 'hello', version: 1, token: 'x'.repeat(20_000) });
    expect((await big.closed).code).toBe(1009);
  });

  it('over HTTP is answered with 413', async () => {
    const answer = await http(`${gateway.url}/v1/sessions`, {
      method: 'POST',
      rawBody: JSON.stringify({ createId: 'x'.repeat(1024 * 1024) }),
    });
    expect(answer.status).toBe(413);
    expect(answer.json).toMatchObject({ error: { code: 'frame_too_large' } });
  });
});

describe('hello', () => {
  it.each([
    {
      what: 'a wrong token',
      frame: { type: 'hello', version: 1, token: 'wrong' },
      code: 'unauthenticated',
      closeCode: 4401,
    },
    { what: 'no token', frame: { type: 'hello', version: 1 }, code: 'unauthenticated', closeCode: 4401 },
    {
      what: 'another version',
      frame: { type: 'hello', version: 2, token: TEST_TOKEN },
      code: 'unsupported_version',
      closeCode: 4406,
    },
    { what: 'another frame first', frame: { type: 'ping' }, code: 'hello_expected', closeCode: 4400 },
  ])('with $what ends the connection with its code', async ({ frame, code, closeCode }) => {
    await using fresh = await connect(gateway.wsUrl);
    fresh.send(frame);
    expect(await fresh.closed).toEqual({ code: closeCode, reason: code });
    expect(fresh.frames).toMatchObject([{ type: 'error', code }]);
  });

  it('may follow after frames that could not be read', async () => {
    await using fresh = await connect(gateway.wsUrl);
    expect(await errorAfter('nonsense', fresh)).toMatchObject({ code: 'bad_json' });
    fresh.send({ type: 'hello', version: 1, token: TEST_TOKEN });
    expect(await fresh.next('welcome')).toMatchObject({ version: 1, userId: 'local', heartbeatMs: 15_000 });
  });
});

describe('the upgrade', () => {
  /** Status and body of an upgrade that is refused. */
  async function refusal(
    path: string,
    headers: Record<string, string>,
  ): Promise<{ status: number; body: string }> {
    const request = httpRequest(`${gateway.url}${path}`, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    });
    request.end();
    const [response] = await once(request, 'response');
    let body = '';
    for await (const chunk of response) body += String(chunk);
    return { status: response.statusCode, body };
  }
  const cookie = `holdfast_token=${TEST_TOKEN}`;

  it('of another path, or with subprotocols of others only, is refused', async () => {
    expect((await refusal('/elsewhere', {})).status).toBe(404);
    const { status, body } = await refusal('/v1/ws', { 'sec-websocket-protocol': 'graphql-ws, other' });
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'unsupported_version' } });
  });

  it('with the login cookie from a page of another origin is refused [G-04]', async () => {
    const { status, body } = await refusal('/v1/ws', { cookie, origin: 'https://evil.example' });
    expect(status).toBe(403);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'origin_refused' } });
    const post = { method: 'POST', token: null, body: { createId: 'x' } };
    const headers = { cookie, origin: 'https://evil.example' };
    expect((await http(`${gateway.url}/v1/sessions`, { ...post, headers })).status).toBe(403);
  });

  it('with the login cookie from our own page needs no token [G-04]', async () => {
    await using page = await connect(gateway.wsUrl, {
      ws: { headers: { cookie, origin: gateway.url } },
      protocols: [],
    });
    page.send({ type: 'hello', version: 1 });
    expect(await page.next('welcome')).toMatchObject({ userId: 'local' });
  });
});

describe('HTTP', () => {
  it.each([
    { method: 'GET', path: '/nothing', rawBody: undefined, status: 404, code: 'not_found' },
    { method: 'POST', path: '/v1/sessions', rawBody: '{"createId":', status: 400, code: 'bad_json' },
    { method: 'POST', path: '/v1/sessions', rawBody: '{}', status: 400, code: 'bad_request' },
    {
      method: 'POST',
      path: '/v1/sessions',
      rawBody: '{"createId":"x","settings":{"permissionMode":"yolo"}}',
      status: 400,
      code: 'bad_request',
    },
  ])(
    '$method $path with $rawBody is answered with $status',
    async ({ method, path, rawBody, status, code }) => {
      const answer = await http(`${gateway.url}${path}`, {
        method,
        ...(rawBody === undefined ? {} : { rawBody }),
      });
      expect(answer.status).toBe(status);
      expect(answer.json).toMatchObject({ error: { code }, requestId: answer.headers.get('x-request-id') });
    },
  );

  it.each(['before=-1', 'before=x', 'limit=0', 'limit=201', 'limit=1.5'])(
    'history with %s is a bad request',
    async (query) => {
      const { json } = await http(`${gateway.url}/v1/sessions/${mine}/history?${query}`);
      expect(json).toMatchObject({ error: { code: 'bad_request' } });
    },
  );

  it.each(['abc', 'abc:', 'abc:-1', 'abc:01', 'A:1', ':1'])(
    'events after %s is a bad position',
    async (after) => {
      const { status, json } = await http(`${gateway.url}/v1/sessions/${mine}/events?after=${after}`);
      expect(status).toBe(400);
      expect(json).toMatchObject({ error: { code: 'bad_position' } });
    },
  );

  it('without a valid token is refused everywhere but at health and the status page [G-01]', async () => {
    for (const token of [null, 'wrong', `${TEST_TOKEN}x`]) {
      for (const [method, path] of [
        ['GET', '/v1/sessions'],
        ['POST', '/v1/sessions'],
        ['GET', `/v1/sessions/${mine}`],
        ['DELETE', `/v1/sessions/${mine}`],
        ['GET', `/v1/sessions/${mine}/events`],
        ['GET', `/v1/sessions/${mine}/history`],
        ['POST', `/v1/sessions/${mine}/abort`],
      ] as const) {
        const answer = await http(`${gateway.url}${path}`, { method, token });
        expect(answer.status).toBe(401);
        expect(answer.json).toMatchObject({ error: { code: 'unauthenticated' } });
      }
      expect((await http(`${gateway.url}/healthz`, { token })).status).toBe(200);
      expect((await http(`${gateway.url}/`, { token })).text).not.toContain(mine);
    }
  });
});

describe('starting', () => {
  const start = async (env: Record<string, string>) =>
    runToExit({ main: 'apps/gateway/src/main.ts', env: { REDIS_URL: server.address.url, ...env } });

  it('without the token, or with a root that is no folder, refuses and says why', async () => {
    const noToken = await start({});
    expect(noToken.code).toBe(1);
    expect(noToken.output).toContain('HOLDFAST_TOKEN');
    const noRoot = await start({ HOLDFAST_TOKEN: TEST_TOKEN, HOLDFAST_WORKSPACE_ROOTS: '/not/there' });
    expect(noRoot.code).toBe(1);
    expect(noRoot.output).toContain('/not/there');
  });

  it('with a variable that nothing reads refuses and names the nearest one', async () => {
    const { code, output } = await start({ HOLDFAST_TOKEN: TEST_TOKEN, HOLDFAST_PROT: '1' });
    expect(code).toBe(1);
    expect(output).toContain('HOLDFAST_PROT is not a variable of Holdfast. Did you mean HOLDFAST_PORT?');
  });
});
