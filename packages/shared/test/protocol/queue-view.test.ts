// What the view shows of the queue and of a session's own life.
import { describe, expect, it } from 'vitest';
import {
  applyEvent,
  EMPTY_VIEW,
  mintTurnId,
  PromptId,
  SessionView,
  statusOf,
  textContent,
  UserId,
  type EventBody,
} from '../../src/protocol/index.ts';

const by = UserId.parse('local');
const a = PromptId.parse('a');
const s = PromptId.parse('s');
const turnId = mintTurnId();
const steerId = mintTurnId();

const fold = (...bodies: EventBody[]): SessionView =>
  bodies.reduce((view, body) => applyEvent(view, { ...body, offset: view.offset + 1, at: 1 }), EMPTY_VIEW);

const queued = (promptId: PromptId): EventBody => ({
  type: 'prompt_queued',
  promptId,
  content: textContent(promptId),
  by,
});
const started = (promptId: PromptId, id = turnId): EventBody => ({
  type: 'turn_started',
  turnId: id,
  promptId,
  content: textContent(promptId),
  attempt: 1,
});
const steered: EventBody = { type: 'prompt_steered', promptId: s, steerId, turnId };
const abort = (queue: 'keep' | 'clear'): EventBody => ({
  type: 'abort_requested',
  turnId,
  queue,
  background: 'keep',
  by,
});
const returned = (paused: boolean): EventBody => ({
  type: 'prompt_returned',
  promptId: s,
  content: textContent(s),
  by,
  reason: 'aborted',
  paused,
});
const running = [queued(a), started(a), queued(s), steered];
const prompts = (view: SessionView): unknown[] =>
  view.messages.flatMap((message) => (message.kind === 'prompt' ? [[message.text, message.turnId]] : []));

describe('a steered prompt in the view', () => {
  it('waits, marked, until it is injected: then it is part of the turn [B-05] [B-06]', () => {
    const view = fold(...running);
    expect(view.queue).toMatchObject([{ promptId: s, steering: true }]);
    expect(SessionView.parse(JSON.parse(JSON.stringify(view)))).toEqual(view);
    const after = fold(...running, { type: 'prompt_injected', promptId: s, turnId, content: textContent(s) });
    expect(after.queue).toEqual([]);
    expect(prompts(after)).toEqual([
      ['a', turnId],
      ['s', turnId],
    ]);
  });

  it('that is injected although the queue was cleared is shown with its text', () => {
    const injected: EventBody = { type: 'prompt_injected', promptId: s, turnId, content: textContent(s) };
    expect(prompts(fold(...running, abort('clear'), injected))).toContainEqual(['s', turnId]);
  });

  it('that is returned waits once, unmarked, in front [B-06]', () => {
    const view = fold(...running, queued(PromptId.parse('b')), abort('keep'), returned(true));
    expect(view.queue.map(({ promptId, steering }) => [promptId, steering])).toEqual([
      ['s', undefined],
      ['b', undefined],
    ]);
    expect(view.queuePaused).toBe(true);
  });

  it('that is a turn of its own waits no more [B-06]', () => {
    expect(fold(...running, started(s, steerId)).queue).toEqual([]);
  });
});

it('a paused queue goes on by a person or by a new prompt [C-05]', () => {
  const ended: EventBody = { type: 'turn_interrupted', turnId, delivered: true, reason: 'lost' };
  const paused = [queued(a), started(a), queued(s), abort('keep'), ended];
  expect(statusOf(fold(...paused))).toBe('paused');
  expect(statusOf(fold(...paused, { type: 'queue_resumed', by }))).toBe('queued');
  expect(statusOf(fold(...paused, queued(PromptId.parse('b'))))).toBe('queued');
});

describe('tasks in the view', () => {
  const task = (taskId: string, description = 'sleep'): EventBody => {
    const of = { turnId, taskId, toolCallId: null, kind: 'shell' as const };
    return { type: 'task_started', ...of, description };
  };
  const child = { exitCode: 0, signal: null, expected: true, cause: 'idle', stderrTail: '' };
  const ids = (view: SessionView): unknown[] => view.tasks.map(({ taskId }) => taskId);

  it('are there from their start to their end, also between turns', () => {
    const view = fold(task('b1'), task('b2'), {
      type: 'task_ended',
      turnId,
      taskId: 'b1',
      status: 'stopped',
    });
    expect(ids(view)).toEqual(['b2']);
    expect(SessionView.parse(JSON.parse(JSON.stringify(view)))).toEqual(view);
  });

  it('end with their child', () => {
    expect(ids(fold(task('b1'), { type: 'child_exited', ...child }))).toEqual([]);
    expect(ids(fold(task('b1'), { type: 'child_parked', reason: 'idle' }))).toEqual([]);
  });

  it('are bounded, in number and in length', () => {
    const many = Array.from({ length: 30 }, (_, n) => task(`b${n}`, 'x'.repeat(1_000)));
    const { tasks } = fold(...many);
    expect(tasks).toHaveLength(20);
    expect(tasks.at(-1)).toMatchObject({ taskId: 'b29', description: 'x'.repeat(200) });
  });
});

it('title and archived are as the last change says; a snapshot of an older version is not archived [B-11]', () => {
  const { settings } = EMPTY_VIEW;
  const set: EventBody = { type: 'settings_changed', settings, title: 'T', archived: true, by };
  expect(fold(queued(a), set)).toMatchObject({ title: 'T', archived: true });
  const { archived: _archived, ...back } = set;
  expect(fold(queued(a), set, back)).toMatchObject({ title: 'T', archived: false });
  const { archived: _new, ...old } = EMPTY_VIEW;
  expect(SessionView.parse(old)).toEqual(EMPTY_VIEW);
});
