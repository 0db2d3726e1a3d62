// How a runner ends: its session claimed by another, deleted, or handed back.
import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PromptId } from '@holdfast/shared/protocol';
import { createCommandInbox, type Redis } from '@holdfast/shared/store';
import { ownSession } from '../support/fake-owner.ts';
import { isLiving, processesMentioning } from '../support/proc.ts';
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

describe('the end of ownership', () => {
  it('a session that somebody else has claimed is left alone: its child ends, nothing is written [E-04]', async () => {
    await using one = await runSession(redis);
    await one.prompt('hang');
    await one.one('turn_started');
    const [child] = await processesMentioning(one.sessionId);
    await ownSession(redis, one.sessionId);
    const before = await one.events();
    await one.prompt('say never');
    await until(() => one.overs.length > 0, { what: 'the runner to be over' });
    expect(one.overs).toEqual(['lost']);
    expect(await isLiving(child?.pid ?? 0)).toBe(false);
    expect(await one.events()).toEqual(before);
  });

  it('a deleted session loses its child and its files, then is over [B-11]', async () => {
    await using one = await runSession(redis);
    await one.endOf(await one.prompt('say hello'));
    const home = join(one.dir, 'users', 'local', 'sessions', one.sessionId);
    await access(home);
    await one.order({ type: 'delete' });
    await until(() => one.overs.length > 0, { what: 'the runner to be over' });
    expect(one.overs).toEqual(['deleted']);
    expect(await processesMentioning(one.sessionId)).toEqual([]);
    expect(existsSync(home)).toBe(false);
  });

  it('a session that is handed back keeps what waits, and tells what was cut [E-05]', async () => {
    await using one = await runSession(redis);
    await one.prompt('hang', 'cut');
    await one.one('turn_started');
    await one.prompt('say later', 'waits');
    await one.one('prompt_queued', { promptId: PromptId.parse('waits') });
    expect(await one.runner.stop(0)).toEqual({ hasWork: true });
    expect(await one.all('turn_interrupted')).toMatchObject([{ delivered: true }]);
    expect(await one.all('child_exited')).toMatchObject([{ cause: 'worker_stopping', expected: true }]);
    expect(await createCommandInbox(redis).readQueue(one.sessionId)).toMatchObject({
      waiting: [{ promptId: 'waits' }],
      taken: [],
    });
    await using next = await runSession(redis, { sessionId: one.sessionId, dir: one.dir });
    expect((await next.endOf('waits')).texts).toEqual(['later']);
    expect((await next.all('child_started')).at(-1)).toMatchObject({ resumed: true });
  });

  it('a turn that is given time to end can still be aborted, and what comes is kept [E-05] [C-01]', async () => {
    await using one = await runSession(redis);
    await one.prompt('hang', 'cut');
    const { turnId } = await one.one('turn_started');
    const stopping = one.runner.stop(20_000);
    await one.prompt('say later', 'waits');
    await one.one('prompt_queued', { promptId: PromptId.parse('waits') });
    await one.order({ type: 'abort', turnId, queue: 'keep', background: 'keep' });
    await stopping;
    expect(await one.all('turn_ended')).toMatchObject([{ turnId, stopReason: 'aborted' }]);
    expect(await one.all('turn_interrupted')).toEqual([]);
    expect(await createCommandInbox(redis).readQueue(one.sessionId)).toMatchObject({
      waiting: [{ promptId: 'waits' }],
    });
  });

  it('a turn that is given time ends by itself; nothing begins after it, the next owner goes on [E-05]', async () => {
    await using one = await runSession(redis);
    await one.prompt('slow 600', 'first');
    await one.one('turn_started');
    const stopping = one.runner.stop(20_000);
    await one.prompt('say second', 'second');
    expect(await stopping).toEqual({ hasWork: true });
    expect(await one.all('turn_ended')).toMatchObject([{ stopReason: 'end_turn' }]);
    expect(await one.all('turn_started')).toHaveLength(1);
    await using next = await runSession(redis, { sessionId: one.sessionId, dir: one.dir });
    expect((await next.endOf('second')).texts).toEqual(['second']);
  });

  it('a session that is deleted while its turn is given time is deleted [E-05] [B-11]', async () => {
    await using one = await runSession(redis);
    await one.prompt('hang', 'cut');
    await one.one('turn_started');
    const stopping = one.runner.stop(20_000);
    await one.order({ type: 'delete' });
    await stopping;
    expect(one.overs).toEqual(['deleted']);
    expect(existsSync(join(one.dir, 'users', 'local', 'sessions', one.sessionId))).toBe(false);
  });
});
