// The events of a turn that the worker makes itself. Pure.
import { NO_TOKENS, type EventBody, type TurnId } from '@holdfast/shared/protocol';
import type { OwnReason } from './turn-end.ts';
import type { Turn } from './turn-state.ts';

/** The numbers of a turn that the CLI says nothing of. */
export const ZERO = { durationMs: 0, apiDurationMs: 0, costUsd: 0, usage: NO_TOKENS };

export function startedEvent(turn: Turn): EventBody {
  const { turnId, prompt } = turn;
  return {
    type: 'turn_started',
    turnId,
    promptId: prompt?.promptId ?? null,
    content: prompt?.content ?? null,
    attempt: prompt?.attempt ?? 1,
  };
}

/** The end of a turn that the CLI says nothing of. */
export function endedByUs(turnId: TurnId, own: OwnReason): EventBody {
  const stopReason = own.kind === 'failed' ? ('failed' as const) : ('aborted' as const);
  const error = own.kind === 'failed' ? { code: own.code, message: own.message } : null;
  return { type: 'turn_ended', turnId, stopReason, error, ...ZERO };
}
