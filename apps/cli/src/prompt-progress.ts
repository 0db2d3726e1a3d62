// What became of one prompt: a pure fold over the session's items, fed from before the prompt was sent.
import type { SessionItem } from '@holdfast/client';
import {
  applyEvent,
  EMPTY_VIEW,
  type SessionView,
  type StopReason,
  type TurnId,
} from '@holdfast/shared/protocol';

export type Outcome =
  | { readonly kind: 'ended'; readonly stopReason: StopReason; readonly error: string | null }
  | { readonly kind: 'interrupted'; readonly reason: string }
  | { readonly kind: 'cancelled' }
  /** The log was lost or cut, and nothing in what is left tells how it ended. */
  | { readonly kind: 'unknown' };

export type Phase =
  | { readonly kind: 'sent' }
  /** `ahead`: turns and prompts that come first. */
  | { readonly kind: 'queued'; readonly ahead: number }
  | { readonly kind: 'running'; readonly turnId: TurnId }
  | { readonly kind: 'over'; readonly turnId: TurnId | null; readonly outcome: Outcome };

export interface PromptProgress {
  readonly promptId: string;
  readonly view: SessionView;
  readonly phase: Phase;
}

export function startProgress(promptId: string): PromptProgress {
  return { promptId, view: EMPTY_VIEW, phase: { kind: 'sent' } };
}

export function progressOf(before: PromptProgress, item: SessionItem): PromptProgress {
  if (item.kind === 'caught_up' || before.phase.kind === 'over') return before;
  if (item.kind === 'reset') {
    const view = item.snapshot;
    return { ...before, view, phase: phaseIn(view, before) };
  }
  const view = applyEvent(before.view, item.event);
  return { ...before, view, phase: phaseAfter({ ...before, view }, item.event) };
}

function phaseAfter(
  { promptId, view, phase }: PromptProgress,
  event: Extract<SessionItem, { kind: 'event' }>['event'],
): Phase {
  if (event.type === 'turn_started' && event.promptId === promptId) {
    return { kind: 'running', turnId: event.turnId };
  }
  // Its answer is part of the turn that it went into.
  if (event.type === 'prompt_injected' && event.promptId === promptId) {
    return { kind: 'running', turnId: event.turnId };
  }
  if (event.type === 'prompt_cancelled' && event.promptId === promptId) return cancelled();
  if (phase.kind === 'running') return phaseInTurn(phase, event);
  const queued = queuedIn(view, promptId);
  if (queued !== undefined) return queued;
  return event.type === 'abort_requested' && event.queue === 'clear' && phase.kind === 'queued'
    ? cancelled()
    : phase;
}

function phaseInTurn(
  phase: Extract<Phase, { kind: 'running' }>,
  event: Extract<SessionItem, { kind: 'event' }>['event'],
): Phase {
  const { turnId } = phase;
  if (event.type === 'turn_ended' && event.turnId === turnId) {
    const { stopReason, error } = event;
    return { kind: 'over', turnId, outcome: { kind: 'ended', stopReason, error: error?.message ?? null } };
  }
  if (event.type !== 'turn_interrupted' || event.turnId !== turnId) return phase;
  // Not delivered: the prompt goes back to the front of the queue and runs again.
  if (!event.delivered) return { kind: 'queued', ahead: 0 };
  return { kind: 'over', turnId, outcome: { kind: 'interrupted', reason: event.reason } };
}

function cancelled(): Phase {
  return { kind: 'over', turnId: null, outcome: { kind: 'cancelled' } };
}

function queuedIn(view: SessionView, promptId: string): Phase | undefined {
  const index = view.queue.findIndex((prompt) => prompt.promptId === promptId);
  return index === -1 ? undefined : { kind: 'queued', ahead: index + (view.turn === null ? 0 : 1) };
}

/** What a snapshot tells about the prompt. */
function phaseIn(view: SessionView, { promptId, phase }: PromptProgress): Phase {
  if (view.turn !== null && view.turn.promptId === promptId)
    return { kind: 'running', turnId: view.turn.turnId };
  const queued = queuedIn(view, promptId);
  if (queued !== undefined) return queued;
  const asked = view.messages.findLast((row) => row.kind === 'prompt' && row.promptId === promptId);
  const turnId = asked?.turnId ?? (phase.kind === 'running' ? phase.turnId : null);
  const end = view.messages.findLast((row) => row.kind === 'turn_end' && row.turnId === turnId);
  if (end?.kind !== 'turn_end' || turnId === null) return phase.kind === 'sent' ? phase : over(turnId);
  const { stopReason, error } = end;
  const outcome: Outcome =
    stopReason === 'interrupted'
      ? { kind: 'interrupted', reason: error ?? 'the turn was interrupted' }
      : { kind: 'ended', stopReason, error };
  return { kind: 'over', turnId, outcome };
}

function over(turnId: TurnId | null): Phase {
  return { kind: 'over', turnId, outcome: { kind: 'unknown' } };
}
