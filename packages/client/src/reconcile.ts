// What a person sees of a session: the server's view merged with the prompts sent from here that the server
// has not shown yet. Pure; the server's word comes from events and snapshots, never from clocks or equal texts.
import {
  applyEvent,
  EMPTY_VIEW,
  type Message,
  type PromptContent,
  type PromptId,
  type ResetReason,
  type SessionEvent,
  type SessionView,
} from '@holdfast/shared/protocol';
import type { HoldfastError } from './errors.ts';

/** A prompt sent from here, shown at once. It is taken away when the server shows a prompt of the same id. */
export interface LocalPrompt {
  readonly promptId: PromptId;
  readonly content: PromptContent;
  readonly state:
    | { readonly kind: 'sending' }
    /** Durable on the server, not in the log yet. */
    | { readonly kind: 'accepted' }
    | { readonly kind: 'failed'; readonly error: HoldfastError };
}

export interface Conversation {
  readonly view: SessionView;
  readonly local: readonly LocalPrompt[];
  /**
   * Ids of prompts that the server has shown: a late acknowledgement or a repeated send of one of them
   * must not bring it back. Only ids sent from here are kept.
   */
  readonly settled: ReadonlySet<PromptId>;
  /** A stretch of the log that was skipped by a reset: its messages are in the history, not in `view`. */
  readonly hole: { readonly after: number; readonly before: number } | null;
}

export const EMPTY_CONVERSATION: Conversation = {
  view: EMPTY_VIEW,
  local: [],
  settled: new Set(),
  hole: null,
};

export type ConversationInput =
  | { readonly kind: 'event'; readonly event: SessionEvent }
  /** `sameEpoch`: the log is the one read before, so messages shown already still stand. */
  | {
      readonly kind: 'reset';
      readonly reason: ResetReason;
      readonly sameEpoch: boolean;
      readonly snapshot: SessionView;
    }
  | { readonly kind: 'sent'; readonly promptId: PromptId; readonly content: PromptContent }
  /** `isDuplicate`: the service had it before, so what it led to may be long past. */
  | { readonly kind: 'accepted'; readonly promptId: PromptId; readonly isDuplicate: boolean }
  | { readonly kind: 'failed'; readonly promptId: PromptId; readonly error: HoldfastError }
  /** The person put a failed prompt away. */
  | { readonly kind: 'dismissed'; readonly promptId: PromptId };

/** The one reconciliation: folds what the server says and what is sent from here into one conversation. */
export function reconcile(state: Conversation, input: ConversationInput): Conversation {
  switch (input.kind) {
    case 'event':
      return settle({ ...state, view: applyEvent(state.view, input.event) }, promptIdsOf(input.event));
    case 'reset':
      return onReset(state, input);
    case 'sent':
      return onSent(state, input);
    case 'accepted':
      return onAccepted(state, input);
    case 'failed':
      return withLocal(state, input.promptId, { kind: 'failed', error: input.error });
    case 'dismissed':
      return { ...state, local: state.local.filter((prompt) => prompt.promptId !== input.promptId) };
  }
}

type InputOf<K extends ConversationInput['kind']> = Extract<ConversationInput, { kind: K }>;

/** The prompts this event shows to exist on the server; other kinds of rows never stand for a prompt. */
function promptIdsOf(event: SessionEvent): readonly PromptId[] {
  if (event.type === 'turn_started') return event.promptId === null ? [] : [event.promptId];
  const isOfPrompt =
    event.type === 'prompt_queued' ||
    event.type === 'prompt_injected' ||
    event.type === 'prompt_returned' ||
    event.type === 'prompt_cancelled';
  return isOfPrompt ? [event.promptId] : [];
}

function settle(state: Conversation, shown: readonly PromptId[]): Conversation {
  const ours = shown.filter((id) => state.local.some((prompt) => prompt.promptId === id));
  if (ours.length === 0) return state;
  return {
    ...state,
    local: state.local.filter((prompt) => !ours.includes(prompt.promptId)),
    settled: new Set([...state.settled, ...ours]),
  };
}

function onSent(state: Conversation, { promptId, content }: InputOf<'sent'>): Conversation {
  if (state.settled.has(promptId) || isShown(state.view, promptId)) return state;
  const sending: LocalPrompt = { promptId, content, state: { kind: 'sending' } };
  const at = state.local.findIndex((prompt) => prompt.promptId === promptId);
  return { ...state, local: at === -1 ? [...state.local, sending] : state.local.with(at, sending) };
}

function onAccepted(state: Conversation, input: InputOf<'accepted'>): Conversation {
  const next = withLocal(state, input.promptId, { kind: 'accepted' });
  return input.isDuplicate
    ? { ...next, local: next.local.filter((row) => mayBePending(row, state.view)) }
    : next;
}

function withLocal(state: Conversation, promptId: PromptId, next: LocalPrompt['state']): Conversation {
  const at = state.local.findIndex((prompt) => prompt.promptId === promptId);
  const prompt = state.local[at];
  if (prompt === undefined) return state;
  return { ...state, local: state.local.with(at, { ...prompt, state: next }) };
}

function isShown(view: SessionView, promptId: PromptId): boolean {
  return promptIdsShown(view).includes(promptId);
}

function promptIdsShown(view: SessionView): readonly PromptId[] {
  const queued = view.queue.map((prompt) => prompt.promptId);
  const started = view.messages.flatMap((message) =>
    message.kind === 'prompt' && message.promptId !== null ? [message.promptId] : [],
  );
  const running = view.turn?.promptId ?? null;
  return [...queued, ...started, ...(running === null ? [] : [running])];
}

/**
 * The snapshot is the truth for everything but old messages, of which it holds the last few, cut short. Within
 * one epoch a message once read stays a fact, so those at or before the snapshot's place are kept, whole.
 */
function onReset(state: Conversation, input: InputOf<'reset'>): Conversation {
  const { snapshot } = input;
  const kept = input.sameEpoch ? state.view.messages.filter((row) => row.offset <= snapshot.offset) : [];
  const messages = mergeRows(kept, snapshot.messages);
  const older = messages.length - snapshot.messages.length;
  const view: SessionView = {
    ...snapshot,
    messages,
    messagesDropped: Math.max(0, snapshot.messagesDropped - older),
  };
  const settled = settle({ ...state, view }, promptIdsShown(view));
  return {
    ...settled,
    local: settled.local.filter((row) => mayBePending(row, snapshot)),
    hole: holeOf(state, view, kept),
  };
}

/** Accepted, yet neither waiting nor shown, where rows were left out: it is among those. */
function mayBePending(prompt: LocalPrompt, snapshot: SessionView): boolean {
  return prompt.state.kind !== 'accepted' || snapshot.messagesDropped === 0;
}

function holeOf(state: Conversation, view: SessionView, kept: readonly Message[]): Conversation['hole'] {
  if (view.messagesDropped === 0 || kept.length === 0) return null;
  const first = view.messages.find((row) => row.offset > state.view.offset);
  const before = first?.offset ?? view.offset + 1;
  return state.view.offset + 1 < before ? { after: state.view.offset, before } : null;
}

/** Union by place in the log, in order; of two versions of a row the one that is not cut short stays. */
function mergeRows(kept: readonly Message[], fresh: readonly Message[]): Message[] {
  const byOffset = new Map<number, Message>();
  for (const row of kept) byOffset.set(row.offset, row);
  for (const row of fresh) byOffset.set(row.offset, preferred(byOffset.get(row.offset), row));
  return [...byOffset.values()].toSorted((one, other) => one.offset - other.offset);
}

/** The newer row, with the text of the older one where the newer was cut. */
function preferred(old: Message | undefined, fresh: Message): Message {
  if (old === undefined || old.kind !== fresh.kind) return fresh;
  if (old.kind === 'tool' && fresh.kind === 'tool') {
    const output = fresh.truncated && old.output.length > fresh.output.length ? old : fresh;
    return { ...fresh, input: old.input, output: output.output, truncated: output.truncated };
  }
  if ('truncated' in fresh && fresh.truncated) return old;
  return fresh;
}
