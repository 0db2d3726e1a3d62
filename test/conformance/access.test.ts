// Who may do what in a session, on every path: all routes and all frames, walked by the tables of the product itself.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_FRAME_TYPES, UserId, type SessionId } from '@holdfast/shared/protocol';
import {
  createEventLog,
  createSessionRoles,
  createSessionStore,
  createSubscriber,
  createSubscriberRedis,
  sessionKeys,
  type Redis,
  type SessionRoles,
} from '@holdfast/shared/store';
import { buildGateway } from '../../apps/gateway/src/app.ts';
import { createPublicAddress } from '../../apps/gateway/src/auth/public-address.ts';
import { createStoredSession, notices, ownSession } from '../support/fake-owner.ts';
import { http, type HttpAnswer } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { openSse } from '../support/sse-client.ts';
import { until } from '../support/until.ts';
import { connect, type TestClient } from '../support/ws-client.ts';

const ME = UserId.parse('local');
const OWNER = UserId.parse('ann');
const UNKNOWN = 's00-01JD0000000000000000000000';

let server: TestRedis;
let redis: Redis;
let roles: SessionRoles;
let gateway: TestGateway;
let client: TestClient;
/** Sessions of somebody else: shared in no way, to read, and to decide in. */
let foreign: SessionId;
let viewed: SessionId;
let approved: SessionId;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  roles = createSessionRoles(redis);
  gateway = await startGateway({ redis: server });
  client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
  foreign = await createStoredSession(redis, OWNER);
  viewed = await createStoredSession(redis, OWNER);
  approved = await createStoredSession(redis, OWNER);
  await roles.share(OWNER, { sessionId: viewed, userId: ME, role: 'viewer' });
  await roles.share(OWNER, { sessionId: approved, userId: ME, role: 'approver' });
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** The least role that an operation on a session takes. */
type Needs = 'viewer' | 'approver' | 'owner';
interface Operation {
  readonly needs: Needs;
  readonly body?: Readonly<Record<string, unknown>>;
}

const content = [{ type: 'text', text: 'hello' }];
const once = { kind: 'deny', stop: false };
const always = { kind: 'allow', scope: 'always' };

const SESSION_FRAMES: Readonly<Record<string, readonly Operation[]>> = {
  open: [{ needs: 'owner' }],
  attach: [{ needs: 'viewer' }, { needs: 'viewer', body: { position: { epoch: 'abc', offset: 1 } } }],
  prompt: [
    { needs: 'owner', body: { promptId: 'p1', content } },
    { needs: 'owner', body: { promptId: 'p1', content, whenBusy: 'reject' } },
  ],
  promptEdit: [{ needs: 'owner', body: { promptId: 'p1', content } }],
  promptCancel: [{ needs: 'owner', body: { promptId: 'p1' } }],
  promptMove: [{ needs: 'owner', body: { promptId: 'p1', before: null } }],
  resumeQueue: [{ needs: 'owner' }],
  bypass: [{ needs: 'owner', body: { minutes: 5 } }],
  abort: [{ needs: 'owner' }, { needs: 'owner', body: { queue: 'clear', background: 'stop' } }],
  decide: [
    { needs: 'approver', body: { approvalId: 'a1', decision: once } },
    { needs: 'owner', body: { approvalId: 'a1', decision: always } },
  ],
  set: [
    { needs: 'owner', body: { title: 'mine now' } },
    { needs: 'owner', body: { archived: true } },
    { needs: 'owner', body: {} },
  ],
  share: [{ needs: 'owner', body: { userId: 'local', role: 'approver' } }],
  unshare: [{ needs: 'owner', body: { userId: 'local' } }],
};
/** Frames that name no session, or one that this connection was let into before. */
const OTHER_FRAMES = ['hello', 'refresh', 'create', 'detach', 'ping'];

const SESSION_ROUTES: Readonly<Record<string, readonly Operation[]>> = {
  'GET /v1/sessions/:id': [{ needs: 'viewer' }],
  'GET /v1/sessions/:id/history': [{ needs: 'viewer' }],
  'GET /v1/sessions/:id/events': [{ needs: 'viewer' }],
  'DELETE /v1/sessions/:id': [{ needs: 'owner' }],
  'PATCH /v1/sessions/:id': [{ needs: 'owner', body: { title: 'mine now' } }],
  'POST /v1/sessions/:id/open': [{ needs: 'owner' }],
  'POST /v1/sessions/:id/prompts': [{ needs: 'owner', body: { promptId: 'p1', content } }],
  'POST /v1/sessions/:id/blobs': [{ needs: 'owner' }],
  'PATCH /v1/sessions/:id/prompts/:promptId': [{ needs: 'owner', body: { content } }],
  'DELETE /v1/sessions/:id/prompts/:promptId': [{ needs: 'owner' }],
  'POST /v1/sessions/:id/prompts/:promptId/move': [{ needs: 'owner', body: { before: null } }],
  'POST /v1/sessions/:id/queue/resume': [{ needs: 'owner' }],
  'POST /v1/sessions/:id/bypass': [{ needs: 'owner', body: { minutes: 5 } }],
  'POST /v1/sessions/:id/abort': [{ needs: 'owner', body: { queue: 'clear' } }],
  'POST /v1/sessions/:id/approvals/:approvalId': [
    { needs: 'approver', body: { decision: once } },
    { needs: 'owner', body: { decision: always } },
  ],
  'GET /v1/sessions/:id/roles': [{ needs: 'owner' }],
  'PUT /v1/sessions/:id/roles/:userId': [{ needs: 'owner', body: { role: 'approver' } }],
  'DELETE /v1/sessions/:id/roles/:userId': [{ needs: 'owner' }],
};
/** What is the caller's own; refused without a login. */
const OWN_ROUTES = [
  ...['POST /v1/sessions', 'GET /v1/sessions', 'GET /v1/rules', 'DELETE /v1/rules', 'GET /v1/me'],
  ...['GET /v1/keys', 'POST /v1/keys', 'DELETE /v1/keys/:keyId', 'GET /v1/audit'],
];
/** What holds nothing of anybody. */
const PUBLIC_ROUTES = [
  ...['GET /', 'GET /login', 'POST /login', 'POST /logout', 'GET /login/oidc', 'GET /login/oidc/callback'],
  ...['GET /healthz', 'GET /readyz', 'GET /s/:id', 'GET /assets/:name', 'GET /service-worker.js'],
  ...['GET /manifest.webmanifest', 'GET /icon.svg', 'GET /icon-192.png', 'GET /icon-512.png'],
];

function addressOf(route: string, id: string): { method: string; url: string } {
  const [method = '', path = ''] = route.split(' ');
  const filled = path
    .replace(':id', id)
    .replace(':promptId', 'p1')
    .replace(':approvalId', 'a1')
    .replace(':userId', 'local');
  return { method, url: `${gateway.url}${filled}` };
}

/** Calls a route; an event stream is asked for from a position that is none, so that it ends where it is allowed. */
async function callRoute(route: string, operation: Operation, id: string): Promise<HttpAnswer> {
  const { method, url } = addressOf(route, id);
  const isAllowedStream = route === 'GET /v1/sessions/:id/events' && (id === viewed || id === approved);
  const path = isAllowedStream ? `${url}?after=not-a-position` : url;
  const body = method === 'GET' ? {} : { body: operation.body ?? {} };
  return http(path, { method, ...body });
}

const RANK: Readonly<Record<Needs, number>> = { viewer: 0, approver: 1, owner: 2 };
const codeOf = (answer: HttpAnswer): unknown =>
  (answer.json?.['error'] as { code?: unknown } | undefined)?.code; // compared by the tests

/** A code that says that the caller may not; null for every other answer, since what is asked for need not work. */
function refusalOf(code: unknown): unknown {
  return ['not_permitted', 'session_not_found', 'unauthenticated'].includes(String(code)) ? code : null;
}

/** Nothing was written, enqueued or placed for somebody whose role is not enough. */
async function expectUntouched(): Promise<void> {
  for (const sessionId of [foreign, viewed, approved]) {
    expect(await redis.hget(sessionKeys(sessionId).meta, 'inboxHead')).toBe('0');
    expect(await redis.exists(sessionKeys(sessionId).inbox)).toBe(0);
  }
  expect(await redis.exists('hf:bull:placement:wait', 'hf:bull:placement:id')).toBe(0);
  expect(await redis.pubsub('SHARDCHANNELS', `*${foreign}*`)).toEqual([]);
  expect(await roles.list(viewed)).toEqual([{ userId: ME, role: 'viewer' }]);
  expect(await roles.list(foreign)).toEqual([]);
}

describe('the tables of this test', () => {
  it('name every frame of a client', () => {
    const named = [...Object.keys(SESSION_FRAMES), ...OTHER_FRAMES];
    expect(named.toSorted()).toEqual([...CLIENT_FRAME_TYPES].toSorted());
  });

  it('name every route of the gateway [G-01]', async () => {
    const subscriber = createSubscriber(
      createSubscriberRedis(server.address, silentLogger, 'routes'),
      silentLogger,
    );
    const built = buildGateway({
      ...{ redis, subscriber, roles, logger: silentLogger },
      log: createEventLog(redis),
      authenticator: { address: createPublicAddress({ publicUrl: undefined, hasTls: false }) },
      webDir: '/nonexistent',
      oidc: {},
      limits: { close: () => undefined },
    } as Parameters<typeof buildGateway>[0]); // no request is made here, so what serves them may be missing
    const named = [...Object.keys(SESSION_ROUTES), ...OWN_ROUTES, ...PUBLIC_ROUTES];
    await built.app.ready();
    const found = built.routes.map(({ method, url }) => `${method} ${url}`);
    await built.drain();
    subscriber.close();
    expect(named.toSorted()).toEqual(found.toSorted());
  });
});

describe('without a role, a session is one that does not exist', () => {
  it.each(Object.keys(SESSION_ROUTES))('%s [G-01] [G-03]', async (route) => {
    for (const operation of SESSION_ROUTES[route] ?? []) {
      const answers = await Promise.all(
        [foreign, UNKNOWN, 'no-session-id'].map(async (id) => callRoute(route, operation, id)),
      );
      const bodies = answers.map(({ text, json }) => text.replace(String(json?.['requestId']), 'ID'));
      expect(answers.map(codeOf)).toEqual(Array(3).fill('session_not_found'));
      expect(new Set(bodies).size).toBe(1);
    }
    await expectUntouched();
  });

  it.each(Object.keys(SESSION_FRAMES))('frame %s [G-01] [G-03]', async (type) => {
    for (const { body } of SESSION_FRAMES[type] ?? []) {
      const answers: string[] = [];
      for (const sessionId of [foreign, UNKNOWN, 'no-session-id']) {
        const answer = await client.request({ type, sessionId, ...body });
        answers.push(answer.text.replace(String(answer['requestId']), 'ID'));
      }
      expect(answers[0]).toContain('"code":"session_not_found"');
      expect(new Set(answers).size).toBe(1);
    }
    await expectUntouched();
  });

  it('an event stream is refused before anything is subscribed [G-01]', async () => {
    const { status } = await http(`${gateway.url}/v1/sessions/${foreign}/events`);
    expect(status).toBe(404);
    await expectUntouched();
  });
});

describe.each([
  { role: 'viewer' as const, session: () => viewed },
  { role: 'approver' as const, session: () => approved },
])('a role of $role', ({ role, session }) => {
  it.each(Object.keys(SESSION_ROUTES))(
    '%s is allowed by the least role it needs [G-01] [G-05]',
    async (route) => {
      for (const operation of SESSION_ROUTES[route] ?? []) {
        const answer = await callRoute(route, operation, session());
        expect(refusalOf(codeOf(answer))).toBe(RANK[role] < RANK[operation.needs] ? 'not_permitted' : null);
      }
      await expectUntouched();
    },
  );

  it.each(Object.keys(SESSION_FRAMES))(
    'frame %s is allowed by the least role it needs [G-01] [G-05]',
    async (type) => {
      for (const { needs, body } of SESSION_FRAMES[type] ?? []) {
        await using fresh = await connect(gateway.wsUrl, { token: TEST_TOKEN });
        const answer = await fresh.request({ type, sessionId: session(), ...body });
        expect(refusalOf(answer['code'])).toBe(RANK[role] < RANK[needs] ? 'not_permitted' : null);
        expect(answer['role']).toBe(type === 'attach' ? role : undefined);
      }
      await expectUntouched();
    },
  );

  it('shows the session in the list, with the role [G-03] [G-05]', async () => {
    const { json } = await http(`${gateway.url}/v1/sessions`);
    expect(json?.['sessions']).toContainEqual(
      expect.objectContaining({ sessionId: session(), role, ownerId: OWNER }),
    );
    expect(JSON.stringify(json)).not.toContain(foreign);
  });
});

describe('without a login', () => {
  it.each([...Object.keys(SESSION_ROUTES), ...OWN_ROUTES])('%s is refused [G-01]', async (route) => {
    const { method, url } = addressOf(route, viewed);
    for (const token of [null, 'wrong', `${TEST_TOKEN}x`]) {
      const answer = await http(url, { method, token });
      expect([answer.status, codeOf(answer)]).toEqual([401, 'unauthenticated']);
    }
  });
});

describe('an approver', () => {
  it('decides, and it counts as theirs [G-05]', async () => {
    const sessionId = await createStoredSession(redis, OWNER);
    const owner = await ownSession(redis, sessionId);
    const stored = { kind: 'tool', tool: 'Bash', toolCallId: 't1', inputDigest: 'd' };
    const json = JSON.stringify({ ...stored, fence: owner.ownership.fence });
    await owner.append(notices(1), () => ({ approvals: [{ op: 'open', approvalId: 'a7', json }] }));
    const decide = { type: 'decide', sessionId, approvalId: 'a7', decision: { kind: 'allow' } };
    await roles.share(OWNER, { sessionId, userId: ME, role: 'viewer' });
    expect(await client.request(decide)).toMatchObject({ code: 'not_permitted' });
    await roles.share(OWNER, { sessionId, userId: ME, role: 'approver' });
    expect(await client.request(decide)).toMatchObject({ type: 'ack', approvalId: 'a7' });
    const [, answer = ''] = (await redis.hget(sessionKeys(sessionId).approvals, 'a7'))?.split('\n') ?? [];
    expect(JSON.parse(answer)).toMatchObject({ by: ME });
  });
});

describe('a role that is taken away', () => {
  async function followed(): Promise<{
    sessionId: SessionId;
    shared: { sessionId: SessionId; userId: UserId };
  }> {
    const sessionId = await createStoredSession(redis, OWNER);
    const shared = { sessionId, userId: ME };
    await roles.share(OWNER, { ...shared, role: 'viewer' });
    return { sessionId, shared };
  }

  it('ends what follows the session by it, over WebSocket and SSE, and the list forgets it [G-05]', async () => {
    const { sessionId, shared } = await followed();
    await using reader = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    await reader.attach(sessionId);
    await using stream = await openSse(`${gateway.url}/v1/sessions/${sessionId}/events`);
    await stream.untilOffset(1);
    expect(await roles.unshare(OWNER, shared)).toBe('changed');
    const gone = await until(() => reader.framesOf(sessionId).find((frame) => frame.type === 'error'), {
      what: 'the end of the attachment',
      limitMs: 3_000,
    });
    expect(gone).toMatchObject({ code: 'session_not_found' });
    await stream.ended;
    const owner = await ownSession(redis, sessionId);
    await owner.append(notices(3));
    await reader.ping();
    expect(reader.events(sessionId).filter(({ type }) => type === 'notice')).toEqual([]);
    const { json } = await http(`${gateway.url}/v1/sessions`);
    expect(JSON.stringify(json)).not.toContain(sessionId);
    expect(await reader.request({ type: 'attach', sessionId })).toMatchObject({ code: 'session_not_found' });
  });

  it('ends it within seconds also where nothing was heard of it [G-05]', async () => {
    const { sessionId } = await followed();
    await using reader = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    await reader.attach(sessionId);
    await redis.hdel(sessionKeys(sessionId).roles, ME);
    await until(() => reader.framesOf(sessionId).some((frame) => frame.type === 'error'), {
      what: 'the end of the attachment',
    });
  });

  it('is no right to share on, and one given by the owner works at once [G-05]', async () => {
    const sessionId = await createStoredSession(redis);
    const share = { type: 'share', sessionId, userId: 'bea', role: 'viewer' };
    expect(await client.request(share)).toMatchObject({ type: 'ack', sessionId });
    expect(await roles.roleOf(sessionId, UserId.parse('bea'))).toBe('viewer');
    expect(await redis.zscore('hf:user:bea:sessions', sessionId)).not.toBeNull();
    const { json } = await http(`${gateway.url}/v1/sessions/${sessionId}/roles`);
    expect(json).toEqual({ roles: [{ userId: 'bea', role: 'viewer' }] });
    expect(await client.request({ ...share, userId: 'local' })).toMatchObject({ code: 'share_refused' });
    expect(await client.request({ type: 'unshare', sessionId, userId: 'bea' })).toMatchObject({
      type: 'ack',
    });
    expect(await redis.zscore('hf:user:bea:sessions', sessionId)).toBeNull();
  });

  it('leaves no trace when the session is deleted [B-11]', async () => {
    const sessionId = await createStoredSession(redis);
    await roles.share(ME, { sessionId, userId: UserId.parse('cid'), role: 'viewer' });
    const { ownership } = await ownSession(redis, sessionId);
    expect(await createSessionStore(redis).delete(ownership, ME)).toBe('deleted');
    expect(await redis.keys(`*${sessionId}*`)).toEqual([]);
    expect(await redis.zcard('hf:user:cid:sessions')).toBe(0);
  });
});

describe('who owns a session', () => {
  it('is kept over a restart of Redis and of the gateway, and is not taken by naming its conversation [G-02]', async () => {
    const cli = randomUUID();
    await redis.hset(sessionKeys(foreign).meta, 'cli', cli);
    await server.restart('SIGKILL');
    await until(async () => (await redis.ping().catch(() => '')) === 'PONG', { what: 'redis' });
    await using second = await startGateway({ redis: server });
    const { status } = await http(`${second.url}/v1/sessions/${foreign}`);
    expect(status).toBe(404);
    const taking = { cliSessionId: cli, resume: cli, sessionId: foreign, userId: OWNER };
    const { json } = await http(`${second.url}/v1/sessions`, {
      method: 'POST',
      body: { createId: 'take', ...taking, settings: { ...taking } },
    });
    const made = String(json?.['sessionId']);
    expect(made).not.toBe(foreign);
    const [user, conversation] = await redis.hmget(`hf:{${made.slice(1, 3)}}:${made}:meta`, 'user', 'cli');
    expect([user, conversation ?? '']).toEqual([ME, '']);
    expect(await redis.hmget(sessionKeys(foreign).meta, 'user', 'cli')).toEqual([OWNER, cli]);
  });
});
