import { describe, expect, it } from 'vitest';
import { NO_TOKENS } from '@holdfast/shared/protocol';
import { CliMessage, type CliMessageOf } from '../../src/agent/cli-messages.ts';
import { turnEnd, type OwnReason } from '../../src/session/turn-end.ts';
import { messagesOf } from '../agent/recorded.ts';

type Result = CliMessageOf<'result'>;

function asResult(raw: unknown): Result {
  const message = CliMessage.parse(raw);
  if (message.type !== 'result') throw new Error('not a result');
  return message;
}

const recordedResult = (name: Parameters<typeof messagesOf>[0]): Result =>
  asResult(messagesOf(name).findLast((line) => JSON.stringify(line).startsWith('{"type":"result"')));

const result = (fields: Record<string, unknown>): Result =>
  asResult({ type: 'result', subtype: 'success', is_error: false, ...fields });

const NONE: OwnReason = { kind: 'none' };
const ABORTED: OwnReason = { kind: 'aborted' };
const FAILED: OwnReason = { kind: 'failed', code: 'credentials_refused', message: 'Refused.' };

describe('recorded results', () => {
  it('the end of a turn carries its numbers [H-03]', () => {
    expect(turnEnd(recordedResult('text'), NONE, 0.13)).toEqual({
      stopReason: 'end_turn',
      error: null,
      durationMs: 159,
      apiDurationMs: 98,
      costUsd: 0.13,
      usage: { inputTokens: 4, outputTokens: 3, cacheReadTokens: 0, cacheCreationTokens: 21_845 },
    });
  });

  it('an API failure that the CLI calls a success is a failure, in its own words [H-03]', () => {
    expect(turnEnd(recordedResult('apiError'), NONE, 0)).toMatchObject({
      stopReason: 'failed',
      error: {
        code: 'api_error_400',
        message: 'API Error: 400 The demo model was told to refuse this request.',
      },
    });
  });

  it('a refusal of the model is its own stop reason, not a failure of the CLI', () => {
    expect(turnEnd(recordedResult('refusal'), NONE, 0)).toMatchObject({ stopReason: 'refusal', error: null });
  });

  it("a person's stop is known by its terminal reason, whoever asked for it [C-03]", () => {
    expect(turnEnd(recordedResult('interrupted'), ABORTED, 0)).toMatchObject({
      stopReason: 'aborted',
      error: null,
    });
    expect(turnEnd(recordedResult('interrupted'), NONE, 0)).toMatchObject({ stopReason: 'aborted' });
  });

  it('a reason of our own wins over the stop that it caused', () => {
    expect(turnEnd(recordedResult('interrupted'), FAILED, 0)).toMatchObject({
      stopReason: 'failed',
      error: { code: 'credentials_refused', message: 'Refused.' },
    });
  });
});

describe('which result ends a turn how', () => {
  it.each<[string, Record<string, unknown>, OwnReason, Record<string, unknown>]>([
    ['max_tokens', { stop_reason: 'max_tokens' }, NONE, { stopReason: 'max_tokens', error: null }],
    ['a refusal', { stop_reason: 'refusal' }, NONE, { stopReason: 'refusal', error: null }],
    ['a stop sequence', { stop_reason: 'stop_sequence' }, NONE, { stopReason: 'stop_sequence' }],
    ['a reason of tomorrow', { stop_reason: 'zen' }, NONE, { stopReason: 'end_turn', error: null }],
    ['no reason (a slash command)', { stop_reason: null }, NONE, { stopReason: 'end_turn' }],
    ['a stop among tools', { terminal_reason: 'aborted_tools', result: '' }, NONE, { stopReason: 'aborted' }],
    ['an end before our abort took hold', { stop_reason: 'end_turn' }, ABORTED, { stopReason: 'end_turn' }],
    [
      'an error after our abort',
      { subtype: 'error_during_execution', is_error: true },
      ABORTED,
      { stopReason: 'aborted', error: null },
    ],
    [
      'too many turns',
      { subtype: 'error_max_turns', is_error: true },
      NONE,
      { stopReason: 'max_turns', error: null },
    ],
    ['too much money', { subtype: 'error_max_budget_usd' }, NONE, { stopReason: 'max_budget', error: null }],
    [
      'an error in the CLI',
      { subtype: 'error_during_execution', is_error: true, errors: ['one', 'two'] },
      NONE,
      { stopReason: 'failed', error: { code: 'cli_error', message: 'one; two' } },
    ],
    [
      'an error without a word',
      { subtype: 'error_new' },
      NONE,
      {
        stopReason: 'failed',
        error: { code: 'cli_error', message: 'The CLI reported an error without a text.' },
      },
    ],
    [
      'an overloaded API',
      { is_error: true, api_error_status: 529, result: 'Overloaded' },
      NONE,
      { stopReason: 'failed', error: { code: 'api_error_529', message: 'Overloaded' } },
    ],
    [
      'refused credentials that the CLI does not retry',
      { is_error: true, api_error_status: 403, result: 'Forbidden' },
      NONE,
      { stopReason: 'failed', error: { code: 'credentials_refused' } },
    ],
  ])('%s', (...[, fields, own, ended]) => {
    expect(turnEnd(result(fields), own, 0)).toMatchObject(ended);
  });

  it('absent numbers are zero', () => {
    expect(turnEnd(result({}), NONE, 0)).toEqual({
      stopReason: 'end_turn',
      error: null,
      durationMs: 0,
      apiDurationMs: 0,
      costUsd: 0,
      usage: NO_TOKENS,
    });
  });
});
