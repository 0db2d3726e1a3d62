// The one named state that a session waits in.
import { describe, expect, it } from 'vitest';
import {
  ApprovalId,
  applyEvent,
  EMPTY_VIEW,
  mintTurnId,
  PromptId,
  SessionView,
  textContent,
  UserId,
  type EventBody,
} from '../../src/protocol/index.ts';

const by = UserId.parse('local');
const promptId = PromptId.parse('a');
const approvalId = ApprovalId.parse('ap');
const turnId = mintTurnId();
const content = textContent('x');

const fold = (...bodies: EventBody[]): SessionView =>
  bodies.reduce(
    (view, body) => applyEvent(view, { ...body, offset: view.offset + 1, at: view.offset + 1 }),
    EMPTY_VIEW,
  );
const waitingAfter = (...bodies: EventBody[]): SessionView['waiting'] =>
  SessionView.parse(fold(...bodies)).waiting;

const queued: EventBody = { type: 'prompt_queued', promptId, content, by };
const started: EventBody = { type: 'turn_started', turnId, promptId, content, attempt: 1 };
const place = (position: number): EventBody => ({
  type: 'notice',
  kind: 'waiting',
  text: `position ${position}`,
  data: { position },
});
const childStarted: EventBody = {
  type: 'child_started',
  ...{ pid: 1, cliVersion: null, modelSource: 'demo', resumed: false, containment: 'sweep' },
};
const call = (toolCallId: string, parentToolCallId?: string): EventBody => ({
  type: 'tool_call_started',
  ...{ turnId, messageId: 'm', block: 0, toolCallId, name: 'Bash', input: {} },
  ...(parentToolCallId === undefined ? {} : { parentToolCallId }),
});
const result = (toolCallId: string): EventBody => ({
  type: 'tool_call_completed',
  ...{ turnId, toolCallId, isError: false, output: '', truncated: false },
});
const asked: EventBody = {
  type: 'approval_requested',
  ...{ approvalId, turnId, toolCallId: 't1', tool: 'Bash', input: {} },
};
const answered: EventBody = {
  type: 'approval_resolved',
  ...{ approvalId, outcome: 'allowed', message: null, by },
};
const retry: Extract<EventBody, { type: 'notice' }> = {
  type: 'notice',
  kind: 'retry',
  text: 'again',
  data: { attempt: 2, maxRetries: 10, delayMs: 1_100, status: 529, error: 'overloaded' },
};
const delta: EventBody = {
  type: 'message_delta',
  ...{ turnId, messageId: 'm', block: 0, kind: 'text', text: 'hi' },
};
const ended: EventBody = {
  type: 'turn_ended',
  ...{ turnId, stopReason: 'end_turn', error: null, durationMs: 1, apiDurationMs: 1, costUsd: 0 },
  usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
};

describe('a session waits [H-06]', () => {
  it('for nothing when it is idle, or when its prompts wait for a person to go on', () => {
    expect(waitingAfter()).toBeNull();
    expect(waitingAfter(queued, started, ended)).toBeNull();
    const abort = { type: 'abort_requested', turnId, queue: 'keep', background: 'keep', by } as const;
    expect(waitingAfter(queued, abort)).toBeNull();
  });

  it('in a queue from its first prompt on, with its position once that is known', () => {
    expect(waitingAfter(queued)).toEqual({ kind: 'queue', position: null });
    expect(waitingAfter(queued, place(3), place(2))).toEqual({ kind: 'queue', position: 2 });
    expect(waitingAfter(queued, place(2), queued)).toEqual({ kind: 'queue', position: 2 });
    expect(waitingAfter(queued, place(2), childStarted)).toEqual({ kind: 'queue', position: null });
    expect(waitingAfter(place(4))).toEqual({ kind: 'queue', position: 4 });
    expect(waitingAfter(place(4), childStarted)).toBeNull();
  });

  it('for the model in a turn', () => {
    expect(waitingAfter(queued, started)).toEqual({ kind: 'model' });
    expect(waitingAfter(queued, started, delta)).toEqual({ kind: 'model' });
  });

  it('for the tool that was called first and has no result, and then for the model again', () => {
    const tool = { kind: 'tool', toolCallId: 't1', name: 'Bash', since: 2 };
    expect(waitingAfter(started, call('t1'), call('t2'))).toEqual(tool);
    expect(waitingAfter(started, call('t1'), call('t2'), result('t1'))).toMatchObject({ toolCallId: 't2' });
    expect(waitingAfter(started, call('t1'), result('t1'))).toEqual({ kind: 'model' });
  });

  it('for the call that began a subagent, whatever that one calls', () => {
    const view = fold(started, call('t1'), call('t2', 't1'), result('t2'));
    expect(view.waiting).toMatchObject({ kind: 'tool', toolCallId: 't1' });
  });

  it('for an approval, and then for its tool', () => {
    expect(waitingAfter(started, call('t1'), asked)).toEqual({ kind: 'approval', approvalId, tool: 'Bash' });
    expect(waitingAfter(started, call('t1'), asked, answered)).toMatchObject({ kind: 'tool' });
  });

  it('for retry n of the model until anything comes', () => {
    const waiting = { kind: 'retry', attempt: 2, maxRetries: 10, delayMs: 1_100, status: 529, since: 2 };
    expect(waitingAfter(started, retry)).toEqual(waiting);
    expect(waitingAfter(started, retry, { type: 'notice', kind: 'info', text: 'x' })).toEqual(waiting);
    expect(waitingAfter(started, retry, delta)).toEqual({ kind: 'model' });
    expect(waitingAfter(started, retry, ended)).toBeNull();
    expect(waitingAfter(started, { ...retry, data: { attempt: 'x' } })).toEqual({
      kind: 'model',
    });
  });

  it('for no tool of a turn that is over or whose agent is gone', () => {
    const lost: EventBody = { type: 'turn_interrupted', turnId, delivered: true, reason: 'lost' };
    expect(fold(started, call('t1'), lost)).toMatchObject({ waiting: null, runningTools: [] });
    expect(fold(started, call('t1'), ended, started)).toMatchObject({ waiting: { kind: 'model' } });
  });

  it('in a stored view of before there were such states for nothing', () => {
    const { waiting: _waiting, runningTools: _tools, ...old } = EMPTY_VIEW;
    expect(SessionView.parse(old)).toMatchObject({ waiting: null, runningTools: [] });
  });
});

describe('a stalled turn [H-06]', () => {
  const stalled: EventBody = { type: 'turn_stalled', turnId, silentMs: 60_000 };

  it('is shown until the agent says something', () => {
    expect(fold(started, stalled).turn).toMatchObject({ stalled: true });
    expect(fold(started, stalled, { type: 'turn_resumed', turnId }).turn).toMatchObject({ stalled: false });
    expect(fold(started, stalled, delta).turn).toMatchObject({ stalled: false });
  });
});
