// Every status of a session can be seen in its record, which is what lists show.
import { PromptId } from '@holdfast/shared/protocol';
import { createSessionStore, type Redis } from '@holdfast/shared/store';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Admission } from '../../apps/worker/src/session/admission.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { runSession } from './running-session.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

it('a session is seen idle, queued, running, waiting for a person, and paused; an abort that comes twice ends the turn once [A-14]', async () => {
  const admission = new Admission({ capacity: 1, parkIdlest: () => false });
  await using other = await runSession(redis, { admission });
  await other.prompt('hang');
  const { turnId: blocking } = await other.one('turn_started');
  await using one = await runSession(redis, { admission });
  const is = async (status: string): Promise<unknown> =>
    until(async () => (await createSessionStore(redis).read(one.sessionId))?.status === status, {
      what: status,
    });
  await is('idle');
  await one.prompt('ask');
  await is('queued');
  await other.order({ type: 'abort', turnId: blocking, queue: 'keep', background: 'keep' });
  await other.one('turn_ended');
  other.runner.park('room_needed');
  await is('awaiting_approval');
  const { approvalId } = await one.one('approval_requested');
  await one.decide(approvalId, { kind: 'deny', stop: false });
  await is('idle');
  await one.prompt('hang', 'long');
  await is('running');
  const { turnId } = await one.one('turn_started', { promptId: PromptId.parse('long') });
  await one.prompt('say later', 'later');
  await one.one('prompt_queued', { promptId: PromptId.parse('later') });
  const abort = { type: 'abort', turnId, queue: 'keep', background: 'keep' } as const;
  await Promise.all([one.order(abort), one.order(abort)]);
  await is('paused');
  expect(await one.one('turn_ended', { turnId })).toMatchObject({ stopReason: 'aborted' });
  await one.order({ type: 'resumeQueue' });
  await one.endOf('later');
  await is('idle');
});
