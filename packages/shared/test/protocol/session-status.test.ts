// The status of a session as a state machine: where each event leads from each status.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyEvent,
  ApprovalId,
  EMPTY_VIEW,
  mintTurnId,
  NO_TOKENS,
  PromptId,
  SessionStatus,
  statusOf,
  textContent,
  UserId,
  type EventBody,
  type SessionView,
} from '../../src/protocol/index.ts';

const by = UserId.parse('local');
const turnId = mintTurnId();
const approvalId = ApprovalId.parse('a1');
const [first, second] = [PromptId.parse('p1'), PromptId.parse('p2')];
const numbers = { durationMs: 1, apiDurationMs: 1, costUsd: 0, usage: NO_TOKENS };

const queued = (promptId: PromptId): EventBody => ({
  ...{ type: 'prompt_queued', promptId, content: textContent('x'), by },
});
const abort = (queue: 'keep' | 'clear'): EventBody => ({
  ...{ type: 'abort_requested', turnId, queue, background: 'keep', by },
});
const started: EventBody = {
  ...{ type: 'turn_started', turnId, promptId: first, content: textContent('x'), attempt: 1 },
};
const asked: EventBody = {
  ...{ type: 'approval_requested', approvalId, turnId, toolCallId: null, tool: 'Bash', input: {} },
};
const ended: EventBody = { type: 'turn_ended', turnId, stopReason: 'end_turn', error: null, ...numbers };
const interrupted: EventBody = { type: 'turn_interrupted', turnId, delivered: true, reason: 'lost' };

/** In every status one further prompt waits, or none does where none can. */
const ways: Record<SessionStatus, readonly EventBody[]> = {
  idle: [],
  queued: [queued(second)],
  paused: [queued(first), started, queued(second), abort('keep'), ended],
  running: [queued(first), started, queued(second)],
  awaiting_approval: [queued(first), started, queued(second), asked],
};

const happenings = {
  prompt_queued: queued(PromptId.parse('p3')),
  prompt_cancelled: { type: 'prompt_cancelled', promptId: second, by },
  turn_started: { ...started, turnId, promptId: second } as EventBody, // the queue's next
  message_delta: { type: 'message_delta', turnId, messageId: 'm', block: 0, kind: 'text', text: 'x' },
  approval_requested: asked,
  approval_resolved: { type: 'approval_resolved', approvalId, outcome: 'denied', message: null, by },
  abort_keep: abort('keep'),
  abort_clear: abort('clear'),
  turn_ended: ended,
  turn_interrupted: interrupted,
  queue_resumed: { type: 'queue_resumed', by },
  child_exited: {
    ...{ type: 'child_exited', exitCode: 1, signal: null, expected: false, cause: 'crashed', stderrTail: '' },
  },
  notice: { type: 'notice', kind: 'info', text: 'x' },
} as const satisfies Record<string, EventBody>;
type Happening = keyof typeof happenings;

/** Only what leads elsewhere is named. */
const moves: Record<SessionStatus, Partial<Record<Happening, SessionStatus>>> = {
  idle: { prompt_queued: 'queued', turn_started: 'running', approval_requested: 'awaiting_approval' },
  queued: {
    ...{ prompt_cancelled: 'idle', turn_started: 'running', approval_requested: 'awaiting_approval' },
    ...{ abort_keep: 'paused', abort_clear: 'idle' },
  },
  paused: {
    ...{ prompt_cancelled: 'idle', turn_started: 'running', approval_requested: 'awaiting_approval' },
    ...{ abort_clear: 'idle', queue_resumed: 'queued', prompt_queued: 'queued' },
  },
  running: {
    ...{ approval_requested: 'awaiting_approval', turn_ended: 'queued', turn_interrupted: 'queued' },
  },
  // A question may be one of background work: it is open until it is resolved, also after the turn.
  awaiting_approval: { approval_resolved: 'running' },
};

const fold = (bodies: readonly EventBody[], from: SessionView = EMPTY_VIEW): SessionView =>
  bodies.reduce((view, body) => applyEvent(view, { ...body, offset: view.offset + 1, at: 1 }), from);
const names = Object.keys(happenings) as Happening[]; // its keys

describe('the status of a session', () => {
  it.each(SessionStatus.options.flatMap((from) => names.map((event) => ({ from, event }))))(
    '$from goes on as the table says after $event [A-14]',
    ({ from, event }) => {
      const view = fold(ways[from]);
      expect(statusOf(view)).toBe(from);
      expect(statusOf(fold([happenings[event]], view))).toBe(moves[from][event] ?? from);
    },
  );

  it('is running or waits for a person exactly while a turn or a question is open, whatever happens [A-14]', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...names)), (happened) => {
        const view = fold(happened.map((name) => happenings[name]));
        const isOpen = view.turn !== null || view.approvals.length > 0;
        expect(['running', 'awaiting_approval'].includes(statusOf(view))).toBe(isOpen);
      }),
    );
  });
});
