// What a session's turn is doing. Pure.
//
//   none, settling --begun--> open --over (its result came)--> settling --settled--> none
//   open --acknowledged, answered--> the same, known to have reached the CLI
//   open --interrupt(why)--> the same, ending with our reason: the first one stays
//   any --child_gone--> none
//
// `settling`: the turn is over, and the CLI has not said yet that it is idle; a prompt written now could be merged
// with its own work.
import type { TurnId } from '@holdfast/shared/protocol';
import type { WaitingPrompt } from './prompt-queue.ts';
import type { OwnReason } from './turn-end.ts';

/** A turn as it begins. */
export interface Turn {
  readonly turnId: TurnId;
  /** null: the CLI began this turn by itself. */
  readonly prompt: WaitingPrompt | null;
  readonly costBeforeUsd: number;
}

export interface OpenTurn extends Turn {
  readonly kind: 'open';
  /** The CLI has told that it has this turn's own prompt. */
  readonly isAcknowledged: boolean;
  /** The CLI said something in it: whatever its transcript tells, it had the prompt. */
  readonly isAnswered: boolean;
  /** Why we end it; `none` while we do not. */
  readonly own: OwnReason;
}

export type TurnState = { readonly kind: 'none' } | OpenTurn | { readonly kind: 'settling' };

export type TurnHappening =
  | { readonly kind: 'begun'; readonly turn: Turn }
  | { readonly kind: 'acknowledged'; readonly uuid: string }
  | { readonly kind: 'answered' }
  | { readonly kind: 'interrupt'; readonly own: OwnReason }
  | { readonly kind: 'over' }
  | { readonly kind: 'settled' }
  | { readonly kind: 'child_gone' };

export function nextTurnState(state: TurnState, event: TurnHappening): TurnState {
  switch (event.kind) {
    case 'begun':
      return state.kind === 'open' ? state : opened(event.turn);
    case 'acknowledged':
      return state.kind === 'open' && state.turnId === event.uuid
        ? { ...state, isAcknowledged: true }
        : state;
    case 'answered':
      return state.kind === 'open' && !state.isAnswered ? { ...state, isAnswered: true } : state;
    case 'interrupt':
      return state.kind === 'open' && state.own.kind === 'none' ? { ...state, own: event.own } : state;
    case 'over':
      return state.kind === 'open' ? { kind: 'settling' } : state;
    case 'settled':
      return state.kind === 'settling' ? { kind: 'none' } : state;
    case 'child_gone':
      return { kind: 'none' };
  }
}

function opened({ turnId, prompt, costBeforeUsd }: Turn): OpenTurn {
  const own = { kind: 'none' } as const;
  return { kind: 'open', turnId, prompt, costBeforeUsd, isAcknowledged: false, isAnswered: false, own };
}

/** What is known when the CLI reports a result. */
export interface ResultFacts {
  /** The child resumes a conversation and has not begun any turn yet. */
  readonly isResuming: boolean;
  /** The result names something other than a prompt as its origin: background work. */
  readonly isOfBackground: boolean;
  /** We are ending the child. */
  readonly isChildEnding: boolean;
  /** The CLI was told to stop, by whomever. */
  readonly wasStopped: boolean;
}

/**
 * Which turn a result ends. `conversation_missing`: a result before any turn began says that the CLI can't find the
 * conversation.
 */
export function meaningOfResult(
  state: TurnState,
  facts: ResultFacts,
): 'conversation_missing' | 'not_ours' | 'turn_over' {
  const isOpen = state.kind === 'open';
  const isOurDoing = isOpen && state.own.kind !== 'none';
  if (facts.isResuming && !isOurDoing) return 'conversation_missing';
  if (!isOpen) return 'not_ours';
  // Background work of the CLI may end its own turn right when ours was written: ours is still to come.
  if (facts.isOfBackground && state.prompt !== null && !state.isAcknowledged) return 'not_ours';
  // A CLI that we end stops its turn as if a person had asked for it: what became of it is told with its end.
  if (facts.isChildEnding && !isOurDoing && facts.wasStopped) return 'not_ours';
  return 'turn_over';
}
