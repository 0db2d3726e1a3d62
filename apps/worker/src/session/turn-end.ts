// How a turn ended, told from the CLI's result and what we know of the turn. Pure.
import type { EventBodyOf, StopReason } from '@holdfast/shared/protocol';
import type { CliMessageOf } from '../agent/cli-messages.ts';
import { toTotals } from '../agent/event-mapper.ts';

/** Why we ended a turn ourselves, decided before the CLI's result came. */
export type OwnReason =
  | { readonly kind: 'none' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

type Ended = Pick<
  EventBodyOf<'turn_ended'>,
  'stopReason' | 'error' | 'durationMs' | 'apiDurationMs' | 'costUsd' | 'usage'
>;

/**
 * The CLI tells an API failure as a successful result with `is_error`, and a person's stop by `terminal_reason`:
 * neither its `subtype` nor its texts are to be trusted (2.1.197).
 */
export function turnEnd(result: CliMessageOf<'result'>, own: OwnReason, costUsd: number): Ended {
  const numbers = {
    durationMs: result.duration_ms,
    apiDurationMs: result.duration_api_ms,
    costUsd,
    usage: toTotals(result.usage),
  };
  if (own.kind === 'failed') {
    return { ...numbers, stopReason: 'failed', error: { code: own.code, message: own.message } };
  }
  if (wasStopped(result) || (own.kind === 'aborted' && result.subtype !== 'success')) {
    return { ...numbers, stopReason: 'aborted', error: null };
  }
  if (result.subtype === 'error_max_turns') return { ...numbers, stopReason: 'max_turns', error: null };
  if (result.subtype === 'error_max_budget_usd') return { ...numbers, stopReason: 'max_budget', error: null };
  if (result.stop_reason === 'refusal') return { ...numbers, stopReason: 'refusal', error: null };
  if (result.is_error || result.subtype !== 'success') {
    return { ...numbers, stopReason: 'failed', error: failureOf(result) };
  }
  return { ...numbers, stopReason: stopReasonOf(result.stop_reason), error: null };
}

/** Whether the CLI stopped the turn because it was told to, by whomever. */
export function wasStopped(result: CliMessageOf<'result'>): boolean {
  return result.terminal_reason === 'aborted_streaming' || result.terminal_reason === 'aborted_tools';
}

function failureOf(result: CliMessageOf<'result'>): { readonly code: string; readonly message: string } {
  const text = result.result ?? result.errors?.join('; ') ?? 'The CLI reported an error without a text.';
  const status = result.api_error_status;
  if (status === null || status === undefined) return { code: 'cli_error', message: text };
  return status === 401 || status === 403
    ? credentialsRefused(status)
    : { code: `api_error_${status}`, message: text };
}

/** What a person is told when the model's API does not take the credentials. */
export function credentialsRefused(status: number): { readonly code: string; readonly message: string } {
  return {
    code: 'credentials_refused',
    message:
      `The model's API refused the credentials (HTTP ${status}). Check ANTHROPIC_API_KEY, or whichever credential ` +
      'is set, and start Holdfast again; HOLDFAST_MODEL=demo works without any.',
  };
}

function stopReasonOf(text: string | null | undefined): StopReason {
  return text === 'max_tokens' || text === 'stop_sequence' ? text : 'end_turn';
}
