// Prompts that wait, over the wire: what is stored for the owner, and what is refused at the door. No worker runs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionKeys, type Redis } from '@holdfast/shared/store';
import { PromptId, textContent, UserId, type SessionId } from '@holdfast/shared/protocol';
import { createStoredSession, ownSession } from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { connect, type TestClient } from '../support/ws-client.ts';

let server: TestRedis;
let redis: Redis;
let gateway: TestGateway;
let client: TestClient;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  gateway = await startGateway({ redis: server });
  client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const content = textContent('hello');

async function commandsOf(sessionId: SessionId): Promise<unknown[]> {
  const entries = await redis.xrange(sessionKeys(sessionId).inbox, '-', '+');
  return entries.map(([, fields]) => JSON.parse(fields[1] ?? 'null'));
}

/** A session whose owner has put these prompts into its queue. */
async function withQueue(...ids: string[]): Promise<SessionId> {
  const sessionId = await createStoredSession(redis);
  const owner = await ownSession(redis, sessionId);
  const by = UserId.parse('local');
  for (const [score, id] of ids.entries()) {
    const promptId = PromptId.parse(id);
    const put = { op: 'put' as const, promptId, json: '{}', score };
    await owner.append([{ type: 'prompt_queued', promptId, content, by }], () => ({ queue: [put] }));
  }
  return sessionId;
}

describe('a prompt that waits', () => {
  it('is edited, moved and cancelled by a command for the owner, over WebSocket and HTTP [B-05]', async () => {
    const sessionId = await withQueue('a', 'b');
    const url = `${gateway.url}/v1/sessions/${sessionId}/prompts`;
    const ack = { type: 'ack', sessionId, promptId: 'a' };
    expect(await client.request({ type: 'promptEdit', sessionId, promptId: 'a', content })).toMatchObject(
      ack,
    );
    expect(
      await client.request({ type: 'promptMove', sessionId, promptId: 'a', before: null }),
    ).toMatchObject(ack);
    expect(await client.request({ type: 'promptCancel', sessionId, promptId: 'a' })).toMatchObject(ack);
    const answers = [
      await http(`${url}/b`, { method: 'PATCH', body: { content } }),
      await http(`${url}/b/move`, { method: 'POST', body: { before: 'a' } }),
      await http(`${url}/b`, { method: 'DELETE' }),
    ];
    expect(answers.map(({ status, json }) => [status, json])).toEqual(
      answers.map(() => [202, { promptId: 'b' }]),
    );
    const by = 'local';
    expect(await commandsOf(sessionId)).toEqual([
      { type: 'promptEdit', promptId: 'a', content, by },
      { type: 'promptMove', promptId: 'a', before: null, by },
      { type: 'promptCancel', promptId: 'a', by },
      { type: 'promptEdit', promptId: 'b', content, by },
      { type: 'promptMove', promptId: 'b', before: 'a', by },
      { type: 'promptCancel', promptId: 'b', by },
    ]);
  });

  it('that the owner has not read yet can be changed too [B-05]', async () => {
    const sessionId = await createStoredSession(redis);
    await client.request({ type: 'prompt', sessionId, promptId: 'fresh', content });
    const answer = await client.request({ type: 'promptCancel', sessionId, promptId: 'fresh' });
    expect(answer).toMatchObject({ type: 'ack', promptId: 'fresh' });
  });

  it('is the only one that can be changed: another is refused, and nothing is stored [B-05]', async () => {
    const sessionId = await withQueue('a');
    const url = `${gateway.url}/v1/sessions/${sessionId}/prompts`;
    const refused = { code: 'prompt_not_queued', retryable: false };
    for (const frame of [
      { type: 'promptEdit', promptId: 'other', content },
      { type: 'promptCancel', promptId: 'other' },
      { type: 'promptMove', promptId: 'other', before: null },
      { type: 'promptMove', promptId: 'a', before: 'other' },
    ]) {
      const answer = await client.request({ ...frame, sessionId });
      expect(answer).toMatchObject({ type: 'error', ...refused, details: { promptIds: ['other'] } });
    }
    const deleted = await http(`${url}/no%20id`, { method: 'DELETE' });
    expect([deleted.status, deleted.json]).toMatchObject([409, { error: refused }]);
    const empty = await http(`${url}/a`, { method: 'PATCH', body: { content: textContent(' ') } });
    expect(empty.json).toMatchObject({ error: { code: 'prompt_empty' } });
    expect(await commandsOf(sessionId)).toEqual([]);
  });
});

describe('a prompt that asks to be rejected', () => {
  const send = async (sessionId: SessionId, promptId: string) =>
    client.request({ type: 'prompt', sessionId, promptId, content, whenBusy: 'reject' });

  it('is refused while a turn runs, an approval is open, or a prompt waits, read or unread [B-06]', async () => {
    const waiting = await withQueue('a');
    expect(await send(waiting, 'r1')).toMatchObject({ type: 'error', code: 'prompt_busy', retryable: true });
    for (const status of ['running', 'awaiting_approval']) {
      const sessionId = await createStoredSession(redis);
      await redis.hset(sessionKeys(sessionId).meta, 'status', status);
      const url = `${gateway.url}/v1/sessions/${sessionId}/prompts`;
      const body = { promptId: 'r1', content, whenBusy: 'reject' };
      expect(await http(url, { method: 'POST', body })).toMatchObject({ status: 409 });
      expect(await commandsOf(sessionId)).toEqual([]);
    }
  });

  it('is stored when the session is free, and told as a duplicate when it is repeated [B-06] [B-03]', async () => {
    const sessionId = await createStoredSession(redis);
    await client.request({ type: 'open', sessionId });
    expect(await send(sessionId, 'r1')).toMatchObject({ type: 'ack', duplicate: false });
    expect(await send(sessionId, 'r1')).toMatchObject({ type: 'ack', duplicate: true });
    expect(await send(sessionId, 'r2')).toMatchObject({ type: 'error', code: 'prompt_busy' });
    expect(await commandsOf(sessionId)).toMatchObject([{ type: 'open' }, { type: 'prompt', promptId: 'r1' }]);
  });
});

describe('queue and session', () => {
  it('get their commands: resume, steer and interrupt, title and archive [B-06] [B-11]', async () => {
    const sessionId = await createStoredSession(redis);
    const url = `${gateway.url}/v1/sessions/${sessionId}`;
    await client.request({ type: 'prompt', sessionId, promptId: 's', content, whenBusy: 'steer' });
    await client.request({ type: 'prompt', sessionId, promptId: 'i', content, whenBusy: 'interrupt' });
    expect(await client.request({ type: 'resumeQueue', sessionId })).toMatchObject({
      type: 'ack',
      sessionId,
    });
    expect((await http(`${url}/queue/resume`, { method: 'POST' })).status).toBe(202);
    expect(await client.request({ type: 'set', sessionId, title: 'T' })).toMatchObject({
      type: 'ack',
      sessionId,
    });
    expect((await http(url, { method: 'PATCH', body: { archived: true } })).status).toBe(202);
    for (const body of [{}, { title: ' ' }, { archived: 'yes' }]) {
      const { json } = await http(url, { method: 'PATCH', body });
      expect(json).toMatchObject({ error: { code: 'bad_request' } });
    }
    expect(await commandsOf(sessionId)).toEqual([
      { type: 'prompt', promptId: 's', content, whenBusy: 'steer', by: 'local' },
      { type: 'prompt', promptId: 'i', content, whenBusy: 'interrupt', by: 'local' },
      { type: 'resumeQueue', by: 'local' },
      { type: 'resumeQueue', by: 'local' },
      { type: 'set', title: 'T', by: 'local' },
      { type: 'set', archived: true, by: 'local' },
    ]);
  });

  it('a wrong mode or filter is refused', async () => {
    const sessionId = await createStoredSession(redis);
    const answer = await client.request({
      type: 'prompt',
      sessionId,
      promptId: 'p',
      content,
      whenBusy: 'now',
    });
    expect(answer).toMatchObject({ type: 'error', code: 'bad_request' });
    expect((await http(`${gateway.url}/v1/sessions?archived=maybe`)).status).toBe(400);
  });
});
