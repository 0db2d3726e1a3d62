// Sessions as records: create, list, read, delete; where they may work.
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SessionId, UserId } from '@holdfast/shared/protocol';
import { createSessionStore, type Redis } from '@holdfast/shared/store';
import { ownSession } from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { connect } from '../support/ws-client.ts';

let server: TestRedis;
let redis: Redis;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  gateway = await startGateway({ redis: server });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe('a working directory', () => {
  const create = async (cwd: string) =>
    http(`${gateway.url}/v1/sessions`, { method: 'POST', body: { createId: crypto.randomUUID(), cwd } });

  it('outside the roots is refused, naming the roots and the variable [B-10]', async () => {
    const written = async () =>
      (await redis.keys('hf:*')).filter((key) => !key.startsWith('hf:bull:')).sort();
    const before = await written();
    await symlink('/etc', join(gateway.workspaces, 'way-out'));
    await mkdir(join(gateway.workspaces, 'inside'));
    const outside = [
      '/etc',
      '/nowhere/at/all',
      'relative',
      join(gateway.workspaces, 'way-out'),
      join(gateway.workspaces, '..'),
    ];
    for (const cwd of [...outside, `${gateway.workspaces}-not`, join(gateway.workspaces, 'way-out', 'ssl')]) {
      const { status, json } = await create(cwd);
      expect(status).toBe(400);
      expect(json).toMatchObject({ error: { code: 'cwd_not_allowed' } });
      expect(JSON.stringify(json)).toContain(gateway.workspaces);
      expect(JSON.stringify(json)).toContain('HOLDFAST_WORKSPACE_ROOTS');
    }
    expect(await written()).toEqual(before);
  });

  it('under a root that does not exist, or is a file, is missing [B-10]', async () => {
    await writeFile(join(gateway.workspaces, 'file'), '');
    for (const name of ['file', 'not-there']) {
      expect((await create(join(gateway.workspaces, name))).json).toMatchObject({
        error: { code: 'cwd_missing' },
      });
    }
  });

  it('that is a link to a folder under a root is taken by its real path [B-10]', async () => {
    await mkdir(join(gateway.workspaces, 'real'));
    await symlink(join(gateway.workspaces, 'real'), join(gateway.workspaces, 'link'));
    const { status, json } = await create(join(gateway.workspaces, 'link'));
    expect(status).toBe(201);
    const id = String(json?.['sessionId']);
    const read = await http(`${gateway.url}/v1/sessions/${id}`);
    expect(read.json).toMatchObject({ session: { cwd: join(gateway.workspaces, 'real') } });
  });
});

describe('create', () => {
  const createId = (): string => crypto.randomUUID();

  it('makes a folder of its own, lists the session, and wakes a worker [B-10]', async () => {
    const made = await http(`${gateway.url}/v1/sessions`, { method: 'POST', body: { createId: createId() } });
    expect(made.status).toBe(201);
    const sessionId = String(made.json?.['sessionId']);
    expect(await readdir(gateway.workspaces)).toContain(sessionId);
    const list = await http(`${gateway.url}/v1/sessions`);
    const { sessions } = z.object({ sessions: z.array(z.unknown()) }).parse(list.json);
    expect(sessions[0]).toMatchObject({ sessionId, status: 'idle', title: null, position: { offset: 1 } });
    const jobs = await redis.lrange('hf:bull:placement:wait', 0, -1);
    const data = await Promise.all(jobs.map(async (id) => redis.hget(`hf:bull:placement:${id}`, 'data')));
    expect(data).toContain(JSON.stringify({ sessionId, delayMs: 0 }));
    const inbox = await redis.xrange(`hf:{${sessionId.slice(1, 3)}}:${sessionId}:inbox`, '-', '+');
    expect(inbox.map(([, fields]) => fields[1])).toEqual(['{"type":"open","by":"local"}']);
  });

  it('repeated with the same createId leads to the same session, over HTTP and WebSocket [A-19]', async () => {
    const body = { createId: createId(), title: 'Twice', settings: { permissionMode: 'plan' } };
    const first = await http(`${gateway.url}/v1/sessions`, { method: 'POST', body });
    const again = await http(`${gateway.url}/v1/sessions`, { method: 'POST', body });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.json).toEqual({ ...first.json, duplicate: true });
    await using client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    const third = await client.request({ type: 'create', ...body });
    expect(third).toMatchObject({ type: 'ack', sessionId: first.json?.['sessionId'], duplicate: true });
    const read = await http(`${gateway.url}/v1/sessions/${String(first.json?.['sessionId'])}`);
    expect(read.json).toMatchObject({
      session: { title: 'Twice', position: { offset: 1 } },
      view: { title: 'Twice', settings: { permissionMode: 'plan' }, offset: 1 },
      owner: { workerId: null, alive: false },
      inbox: { unread: 1 },
    });
  });

  it('sent by many at once with one createId makes one session', async () => {
    const body = { createId: createId() };
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => http(`${gateway.url}/v1/sessions`, { method: 'POST', body })),
    );
    expect(new Set(answers.map((answer) => answer.json?.['sessionId'])).size).toBe(1);
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
  });

  it('with the createId of a deleted session makes another one, the same for all who ask [B-11]', async () => {
    const body = { createId: createId() };
    const make = async () => http(`${gateway.url}/v1/sessions`, { method: 'POST', body });
    const first = SessionId.parse((await make()).json?.['sessionId']);
    await http(`${gateway.url}/v1/sessions/${first}`, { method: 'DELETE' });
    const asked = await make();
    expect(asked.status).toBe(201);
    const second = SessionId.parse(asked.json?.['sessionId']);
    expect(second).not.toBe(first);
    for (const sessionId of [first, second]) {
      const { ownership } = await ownSession(redis, sessionId);
      expect(await createSessionStore(redis).delete(ownership, UserId.parse('local'))).toBe('deleted');
    }
    const answers = await Promise.all(Array.from({ length: 10 }, make));
    const ids = new Set(answers.map(({ json }) => String(json?.['sessionId'])));
    expect(ids.size).toBe(1);
    expect([first, second].some((sessionId) => ids.has(sessionId))).toBe(false);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(await readdir(gateway.workspaces)).toEqual(expect.arrayContaining([...ids]));
    expect(await redis.keys(`hf:{*}:${first}*`)).toEqual([]);
  });
});

describe('prompts and aborts', () => {
  const newSession = async (): Promise<string> => {
    const body = { createId: crypto.randomUUID() };
    const { json } = await http(`${gateway.url}/v1/sessions`, { method: 'POST', body });
    return String(json?.['sessionId']);
  };
  const commandsOf = async (sessionId: string): Promise<unknown[]> => {
    const entries = await redis.xrange(`hf:{${sessionId.slice(1, 3)}}:${sessionId}:inbox`, '-', '+');
    return entries.map(([, fields]) => JSON.parse(fields[1] ?? 'null'));
  };
  const content = [{ type: 'text', text: 'hello' }];

  it('a prompt sent twice, over HTTP and WebSocket, enters once [B-03]', async () => {
    const sessionId = await newSession();
    const url = `${gateway.url}/v1/sessions/${sessionId}/prompts`;
    const first = await http(url, { method: 'POST', body: { promptId: 'p1', content } });
    expect(first.status).toBe(202);
    expect(first.json).toEqual({ promptId: 'p1', duplicate: false });
    await using client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    const again = await client.request({ type: 'prompt', sessionId, promptId: 'p1', content });
    expect(again).toMatchObject({ type: 'ack', sessionId, promptId: 'p1', duplicate: true });
    expect(await commandsOf(sessionId)).toMatchObject([{ type: 'open' }, { type: 'prompt', promptId: 'p1' }]);
  });

  it('prompts of one connection enter in the order in which they were sent [B-01]', async () => {
    const sessionId = await newSession();
    await using client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    const ids = Array.from({ length: 50 }, (_, index) => `p${index}`);
    await Promise.all(
      ids.map(async (promptId) => client.request({ type: 'prompt', sessionId, promptId, content })),
    );
    const commands = await commandsOf(sessionId);
    expect(commands.slice(1)).toMatchObject(ids.map((promptId) => ({ promptId })));
  });

  it('the prompt over the cap is refused, and nothing is lost [B-04]', async () => {
    const sessionId = await newSession();
    await using client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    const ids = Array.from({ length: 100 }, (_, index) => `p${index}`);
    const answers = await Promise.all(
      ids.map(async (promptId) => client.request({ type: 'prompt', sessionId, promptId, content })),
    );
    // The open that came with create waits in the inbox as well.
    expect(answers.filter((answer) => answer.type === 'ack')).toHaveLength(99);
    expect(answers.at(-1)).toMatchObject({ type: 'error', code: 'queue_full', retryable: true });
    expect(await commandsOf(sessionId)).toHaveLength(100);
  });

  it('an abort of an idle session is a clean no-op, whatever turn it names [C-06]', async () => {
    const sessionId = await newSession();
    await using client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    for (const turnId of [undefined, crypto.randomUUID()]) {
      const body = { ...(turnId === undefined ? {} : { turnId }) };
      const answer = await http(`${gateway.url}/v1/sessions/${sessionId}/abort`, { method: 'POST', body });
      expect([answer.status, answer.json]).toEqual([202, { turnId: null }]);
      expect(await client.request({ type: 'abort', sessionId, ...body })).toMatchObject({
        type: 'ack',
        turnId: null,
      });
    }
    expect(await commandsOf(sessionId)).toMatchObject([{ type: 'open' }]);
  });

  it('an abort without a turn names the one that runs when it is read', async () => {
    const sessionId = await newSession();
    const turnId = crypto.randomUUID();
    await redis.hset(`hf:{${sessionId.slice(1, 3)}}:${sessionId}:meta`, 'turn', turnId, 'status', 'running');
    const answer = await http(`${gateway.url}/v1/sessions/${sessionId}/abort`, { method: 'POST' });
    expect(answer.json).toEqual({ turnId });
    expect((await commandsOf(sessionId)).at(-1)).toEqual({
      type: 'abort',
      turnId,
      queue: 'keep',
      background: 'keep',
      by: 'local',
    });
  });
});

describe('delete', () => {
  it('takes the session from everybody at once, also from those who are attached at another gateway', async () => {
    await using other = await startGateway({ redis: server });
    const { json } = await http(`${gateway.url}/v1/sessions`, {
      method: 'POST',
      body: { createId: crypto.randomUUID() },
    });
    const sessionId = String(json?.['sessionId']);
    await using client = await connect(other.wsUrl, { token: TEST_TOKEN });
    expect(await client.request({ type: 'attach', sessionId })).toMatchObject({ type: 'attached' });
    expect((await http(`${gateway.url}/v1/sessions/${sessionId}`, { method: 'DELETE' })).status).toBe(204);
    const error = await client.next('error', 3_000);
    expect(error).toMatchObject({ code: 'session_not_found', sessionId });
    expect((await http(`${other.url}/v1/sessions/${sessionId}`)).status).toBe(404);
    expect((await http(`${other.url}/v1/sessions/${sessionId}`, { method: 'DELETE' })).status).toBe(404);
    expect((await http(`${other.url}/v1/sessions`)).text).not.toContain(sessionId);
    await until(async () => (await redis.pubsub('SHARDCHANNELS', `*${sessionId}*`)).length === 0, {
      what: 'the gateway to leave the session',
    });
  });
});
