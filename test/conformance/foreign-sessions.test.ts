// A session that is not the caller's, or that was deleted, is, byte for byte, a session that does not exist.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { UserId, type SessionId } from '@holdfast/shared/protocol';
import { createCommandInbox, createSessionStore, sessionKeys, type Redis } from '@holdfast/shared/store';
import { createStoredSession, notices, ownSession } from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { connect, type TestClient } from '../support/ws-client.ts';

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

describe('unknown, foreign and deleted sessions', () => {
  const ME = UserId.parse('local');
  const unknown = 's00-01JD0000000000000000000000';
  const text = (value: string): object[] => [{ type: 'text', text: value }];
  let mine: SessionId;
  let foreign: SessionId;
  /** Asked to be deleted, and deleted. */
  let leaving: SessionId;
  let gone: SessionId;
  let client: TestClient;

  beforeAll(async () => {
    mine = await createStoredSession(redis);
    foreign = await createStoredSession(redis, 'somebody-else');
    leaving = await createStoredSession(redis);
    await createCommandInbox(redis).submit({
      ...{ sessionId: leaving, userId: ME },
      command: { type: 'delete', by: ME },
    });
    gone = await createStoredSession(redis);
    const { ownership } = await ownSession(redis, gone);
    await createSessionStore(redis).delete(ownership, ME);
    client = await connect(gateway.wsUrl, { token: TEST_TOKEN });
  });
  afterAll(async () => client[Symbol.asyncDispose]());
  // Whatever was asked: nothing was written, enqueued or subscribed for a stranger.
  afterEach(async () => {
    expect(await redis.hget(sessionKeys(foreign).meta, 'inboxHead')).toBe('0');
    expect(await redis.exists(sessionKeys(foreign).inbox)).toBe(0);
    expect(await redis.hget(sessionKeys(leaving).meta, 'inboxHead')).toBe('1');
    expect(await redis.keys(`*${gone}*`)).toEqual([]);
    expect(await redis.exists('hf:bull:placement:wait', 'hf:bull:placement:id')).toBe(0);
    expect(await redis.pubsub('SHARDCHANNELS', `*${foreign}*`)).toEqual([]);
  });

  it('get the same bytes over HTTP but the request id, and nothing is written [G-01] [G-03] [C-06] [B-11]', async () => {
    const calls: [string, string, unknown][] = [
      ['GET', '', undefined],
      ['DELETE', '', undefined],
      ['POST', '/open', {}],
      ['POST', '/prompts', { promptId: 'p1', content: text('hello') }],
      ['PATCH', '', { title: 'mine now' }],
      ['POST', '/prompts', { promptId: 'p1', content: text('hello'), whenBusy: 'reject' }],
      ['PATCH', '/prompts/p1', { content: text('other') }],
      ['DELETE', '/prompts/p1', undefined],
      ['POST', '/prompts/p1/move', { before: null }],
      ['POST', '/queue/resume', {}],
      ['POST', '/abort', {}],
      ['POST', '/abort', { turnId: crypto.randomUUID(), queue: 'clear' }],
      ['GET', '/events', undefined],
      ['GET', '/history', undefined],
    ];
    for (const [method, path, body] of calls) {
      const answers = await Promise.all(
        [foreign, leaving, gone, unknown, 'no-session-id'].map(async (id) =>
          http(`${gateway.url}/v1/sessions/${id}${path}`, { method, body }),
        ),
      );
      const bodies = answers.map((answer) => {
        expect(answer.status).toBe(404);
        return answer.text.replace(String(answer.json?.['requestId']), 'ID');
      });
      expect(bodies[0]).toContain('"code":"session_not_found"');
      expect(new Set(bodies).size).toBe(1);
    }
  });

  it('get the same bytes over WebSocket but the request id, and nothing is subscribed [G-01] [G-03] [C-06]', async () => {
    const frames = [
      { type: 'open' },
      { type: 'attach' },
      { type: 'attach', position: { epoch: 'abc', offset: 1 } },
      { type: 'prompt', promptId: 'p1', content: text('hello') },
      { type: 'prompt', promptId: 'p1', content: text('hello'), whenBusy: 'reject' },
      { type: 'promptEdit', promptId: 'p1', content: text('other') },
      { type: 'promptCancel', promptId: 'p1' },
      { type: 'promptMove', promptId: 'p1', before: null },
      { type: 'resumeQueue' },
      { type: 'bypass', minutes: 5 },
      { type: 'decide', approvalId: 'a1', decision: { kind: 'allow' } },
      { type: 'set', archived: true },
      { type: 'abort' },
      { type: 'abort', turnId: crypto.randomUUID(), queue: 'clear' },
    ];
    for (const frame of frames) {
      const answers: string[] = [];
      for (const sessionId of [foreign, leaving, gone, unknown, 'no-session-id']) {
        const answer = await client.request({ ...frame, sessionId });
        answers.push(answer.text.replace(String(answer['requestId']), 'ID'));
      }
      expect(answers[0]).toContain('"code":"session_not_found"');
      expect(new Set(answers).size).toBe(1);
    }
  });

  it('do not show in the list [G-03]', async () => {
    const { json } = await http(`${gateway.url}/v1/sessions`);
    expect(JSON.stringify(json)).toContain(mine);
    for (const other of [foreign, leaving, gone]) expect(JSON.stringify(json)).not.toContain(other);
  });

  it('a position from another session is answered like any that cannot be served', async () => {
    const other = await ownSession(redis, await createStoredSession(redis));
    await other.append(notices(5));
    await using fresh = await connect(gateway.wsUrl, { token: TEST_TOKEN });
    await fresh.attach(mine, { epoch: other.ownership.epoch, offset: 3 });
    expect(await fresh.next('reset')).toMatchObject({ reason: 'epoch', position: { offset: 0 } });
  });
});
