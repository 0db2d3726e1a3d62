// What people do with prompts while a turn runs: steering, interrupting, changing the queue; renaming; grace at the
// end. One session with its real runner in this process, a scripted agent as its CLI.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PromptId, textContent } from '@holdfast/shared/protocol';
import { createCommandInbox, createSessionStore, type Redis } from '@holdfast/shared/store';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { runSession, type RunningSession } from './running-session.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

const idOf = (text: string): PromptId => PromptId.parse(text);

/** A turn that goes on until something is put into it or it is aborted. */
async function atWork(one: RunningSession): Promise<string> {
  await one.prompt('work', 'work');
  const { turnId } = await one.one('turn_started', { promptId: idOf('work') });
  return turnId;
}

async function steer(one: RunningSession, text: string): Promise<PromptId> {
  const promptId = idOf(text.replaceAll(' ', '-'));
  await one.order({ type: 'prompt', promptId, content: textContent(text), whenBusy: 'steer' });
  return promptId;
}

/** Types of the events about a prompt, in order. */
async function lifeOf(one: RunningSession, promptId: string): Promise<string[]> {
  const events = await one.events();
  return events.flatMap((event) => ('promptId' in event && event.promptId === promptId ? [event.type] : []));
}

describe('a steered prompt [B-06]', () => {
  it('that the CLI takes into its turn is told as injected, and gone from the queue', async () => {
    await using one = await runSession(redis);
    await atWork(one);
    const promptId = await steer(one, 'inject this');
    await one.endOf('work');
    expect(await lifeOf(one, promptId)).toEqual(['prompt_queued', 'prompt_steered', 'prompt_injected']);
    expect(await createCommandInbox(redis).readQueue(one.sessionId)).toEqual({ waiting: [], taken: [] });
  });

  it('that the CLI runs after its turn is a turn of its own', async () => {
    await using one = await runSession(redis);
    await atWork(one);
    const promptId = await steer(one, 'own answer');
    expect((await one.endOf(promptId)).texts).toEqual(['answer']);
    expect(await lifeOf(one, promptId)).toEqual(['prompt_queued', 'prompt_steered', 'turn_started']);
    expect(await one.all('turn_ended')).toHaveLength(2);
  });

  it('that the turn never took in is taken back, and runs as any other', async () => {
    await using one = await runSession(redis);
    await atWork(one);
    const promptId = await steer(one, 'miss it');
    await one.endOf('work');
    await one.endOf(promptId);
    expect(await lifeOf(one, promptId)).toEqual([
      'prompt_queued',
      'prompt_steered',
      'prompt_returned',
      'turn_started',
    ]);
  });

  it.each([
    ['keep', 'prompt_returned'],
    ['clear', 'prompt_cancelled'],
  ] as const)(
    'is withdrawn by an abort before the turn ends, and waits or goes as asked (%s) [C-05]',
    async (queue, what) => {
      await using one = await runSession(redis);
      const turnId = await atWork(one);
      const promptId = await steer(one, 'hold on');
      const { turnId: named } = await one.one('prompt_steered', { promptId });
      await one.order({ type: 'abort', turnId: named, queue, background: 'keep' });
      expect(await one.endOf('work')).toMatchObject({ turnId, stopReason: 'aborted' });
      expect((await lifeOf(one, promptId)).at(-1)).toBe(what);
      const { waiting } = await createCommandInbox(redis).readQueue(one.sessionId);
      expect(waiting.map((prompt) => prompt.promptId)).toEqual(queue === 'keep' ? [promptId] : []);
    },
  );

  it.each([
    ['die now', ['prompt_returned']],
    ['die-reading this', ['turn_started']],
  ])('whose CLI dies is looked up: it runs again, or is told as begun (%s) [B-08]', async (text, ends) => {
    await using one = await runSession(redis);
    await atWork(one);
    const promptId = await steer(one, text);
    await until(async () => (await lifeOf(one, promptId)).includes(ends[0] ?? ''), {
      what: 'what became of it',
    });
    const [, ...life] = await lifeOf(one, promptId);
    expect(life.slice(0, 2)).toEqual(['prompt_steered', ...ends]);
  });

  it('without a turn it could go into waits like any other', async () => {
    await using one = await runSession(redis);
    const promptId = await steer(one, 'say hello');
    await one.endOf(promptId);
    expect(await lifeOf(one, promptId)).toEqual(['prompt_queued', 'turn_started']);
  });

  it('of an owner that is gone is settled by the next one [B-07]', async () => {
    const old = await runSession(redis);
    await atWork(old);
    const promptId = await steer(old, 'hold on');
    await old.one('prompt_steered', { promptId });
    await using next = await runSession(redis, { sessionId: old.sessionId, dir: old.dir });
    await next.endOf(promptId);
    expect(await lifeOf(next, promptId)).toEqual([
      'prompt_queued',
      'prompt_steered',
      'prompt_returned',
      'turn_started',
    ]);
    expect(await next.all('turn_interrupted')).toMatchObject([{ delivered: true }]);
    await old[Symbol.asyncDispose]();
  });
});

describe('an urgent prompt [B-06]', () => {
  it('aborts the turn and runs before what waits', async () => {
    await using one = await runSession(redis);
    await atWork(one);
    await one.prompt('say later', 'later');
    await one.one('prompt_queued', { promptId: idOf('later') });
    await one.order({
      type: 'prompt',
      promptId: idOf('now'),
      content: textContent('say now'),
      whenBusy: 'interrupt',
    });
    await one.endOf('later');
    expect((await one.all('turn_started')).map((event) => event.promptId)).toEqual(['work', 'now', 'later']);
    expect(await one.all('abort_requested')).toHaveLength(1);
    expect(await one.endOf('work')).toMatchObject({ stopReason: 'aborted' });
  });

  it('in an idle session is one like any other', async () => {
    await using one = await runSession(redis);
    await one.order({
      type: 'prompt',
      promptId: idOf('now'),
      content: textContent('say now'),
      whenBusy: 'interrupt',
    });
    expect((await one.endOf('now')).texts).toEqual(['now']);
    expect(await one.all('abort_requested')).toEqual([]);
  });
});

describe('waiting prompts [B-05]', () => {
  it('are edited, moved and cancelled until they start; then it is too late and nothing happens', async () => {
    await using one = await runSession(redis);
    const turnId = await atWork(one);
    for (const id of ['a', 'b', 'c']) await one.prompt(`say ${id}`, id);
    await one.order({ type: 'promptEdit', promptId: idOf('a'), content: textContent('say edited') });
    await one.order({ type: 'promptMove', promptId: idOf('c'), before: idOf('a') });
    await one.order({ type: 'promptCancel', promptId: idOf('b') });
    await one.order({ type: 'promptCancel', promptId: idOf('work') });
    await one.one('prompt_cancelled', { promptId: idOf('b') });
    await one.order({
      type: 'abort',
      turnId: (await one.one('turn_started')).turnId,
      queue: 'keep',
      background: 'keep',
    });
    expect(await one.endOf('work')).toMatchObject({ turnId });
    await one.order({ type: 'resumeQueue' });
    await one.order({ type: 'resumeQueue' });
    expect((await one.endOf('a')).texts).toEqual(['edited']);
    expect((await one.all('turn_started')).map((event) => event.promptId)).toEqual(['work', 'c', 'a']);
    expect(await one.all('queue_resumed')).toHaveLength(1);
    expect(await one.all('prompt_cancelled')).toHaveLength(1);
  });
});

describe('a session itself', () => {
  it('is renamed and archived once, however often it is asked [B-11]', async () => {
    await using one = await runSession(redis);
    await one.order({ type: 'set', title: 'A name' });
    await one.order({ type: 'set', title: 'A name' });
    await one.order({ type: 'set', archived: true });
    await one.one('settings_changed', { archived: true });
    expect((await one.all('settings_changed')).map((event) => [event.title, event.archived])).toEqual([
      ['A name', false],
      ['A name', true],
    ]);
    expect(await createSessionStore(redis).read(one.sessionId)).toMatchObject({ title: 'A name' });
  });

  it('that is handed back lets its turn end in the time it is given [E-05]', async () => {
    await using one = await runSession(redis);
    await one.prompt('slow 300', 'slow');
    await one.one('turn_started');
    expect(await one.runner.stop(10_000)).toEqual({ hasWork: false });
    expect((await one.endOf('slow')).texts).toEqual(['in time']);
    expect(await one.all('turn_interrupted')).toEqual([]);
  });

  it('that is handed back does not wait longer than that', async () => {
    await using one = await runSession(redis);
    await one.prompt('slow 60000', 'slow');
    await one.one('turn_started');
    await one.runner.stop(100);
    expect(await one.all('turn_interrupted')).toMatchObject([{ delivered: true }]);
  });
});
