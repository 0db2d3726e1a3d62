// Who joins late sees what those see who were there.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client, type SessionStore } from '@holdfast/client';
import {
  ApprovalId,
  mintTurnId,
  PromptId,
  SessionSettings,
  textContent,
  UserId,
  type EventBody,
} from '@holdfast/shared/protocol';
import type { Redis } from '@holdfast/shared/store';
import { createStoredSession, ownSession } from '../support/fake-owner.ts';
import { startGateway, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const by = UserId.parse('local');
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

const prompt = (id: string) => ({ promptId: PromptId.parse(id), content: textContent(id) });
const turnId = mintTurnId();
const usage = { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheCreationTokens: 4 };
const LIFE: readonly EventBody[] = [
  {
    type: 'settings_changed',
    settings: SessionSettings.parse({ model: 'opus', permissionMode: 'acceptEdits' }),
    title: 'Basket',
    by,
  },
  { type: 'prompt_queued', ...prompt('first'), by },
  { type: 'turn_started', turnId, ...prompt('first'), attempt: 1 },
  { type: 'prompt_queued', ...prompt('second'), by },
  { type: 'message_delta', turnId, messageId: 'm', block: 0, kind: 'text', text: 'half a sen' },
  { type: 'usage_updated', context: { tokens: 10, windowTokens: 100 }, totals: usage, costUsd: 0.5 },
  {
    type: 'approval_requested',
    approvalId: ApprovalId.parse('a-1'),
    turnId,
    toolCallId: 't-1',
    tool: 'Bash',
    input: { command: 'ls' },
  },
];

async function reached(store: SessionStore, offset: number): Promise<unknown> {
  await until(() => store.getSnapshot().view.offset === offset, { what: `offset ${offset}` });
  return store.getSnapshot().view;
}

it('a client that joins late has status, queue, approvals, settings and usage of one that was there [D-07]', async () => {
  const sessionId = await createStoredSession(redis);
  const owner = await ownSession(redis, sessionId);
  using early = new Client({ url: gateway.url, token: gateway.token });
  const there = early.session(sessionId).store({ from: 'start' });
  const stop = there.subscribe(() => {});
  await reached(there, owner.head);
  for (const event of LIFE) await owner.append([event]);
  const seen = await reached(there, owner.head);
  expect(seen).toMatchObject({
    title: 'Basket',
    settings: { model: 'opus', permissionMode: 'acceptEdits' },
    turn: { turnId },
    queue: [{ promptId: 'second' }],
    approvals: [{ approvalId: 'a-1', tool: 'Bash' }],
    usage: { contextTokens: 10, costUsd: 0.5 },
    openBlocks: [{ text: 'half a sen' }],
  });
  using late = new Client({ url: gateway.url, token: gateway.token });
  const joined = late.session(sessionId).store();
  const leave = joined.subscribe(() => {});
  expect(await reached(joined, owner.head)).toEqual(seen);
  stop();
  leave();
});
