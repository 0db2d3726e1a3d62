import { describe, expect, it } from 'vitest';
import type { EventBody } from '@holdfast/shared/protocol';
import { hookEvents } from '../../src/agent/hook-events.ts';
import { only, play, turnId } from './mapping.ts';

const response = (fields: Record<string, unknown>): EventBody[] =>
  hookEvents({ type: 'system', subtype: 'hook_response', hook_id: 'h', ...fields }, turnId) ?? [];

describe('hooks of the CLI [H-02]', () => {
  it('are told when they begin and when they end, in recorded lines', () => {
    const { events } = play('hooks');
    const named = { turnId, hookId: 'h1', name: 'PreToolUse:Bash', event: 'PreToolUse' };
    expect(only(events, 'hook_started')).toEqual([{ type: 'hook_started', ...named }]);
    expect(only(events, 'hook_ended')).toEqual([
      { type: 'hook_ended', ...named, outcome: 'success', exitCode: 0 },
      {
        ...{ type: 'hook_ended', turnId, hookId: 'h2', name: 'Stop', event: 'Stop' },
        ...{ outcome: 'failed', exitCode: 1 },
      },
    ]);
    expect(only(events, 'notice').map(({ kind, text }) => [kind, text])).toEqual([
      ['hook', 'PreToolUse:Bash: careful'],
      ['hook', 'Stop: oops'],
      ['info', 'Stop hook error occurred · ctrl+o to see'],
    ]);
  });

  it.each([
    [
      'its words',
      { output: 'careful\n', hook_name: 'PreToolUse:Bash', exit_code: 0 },
      'PreToolUse:Bash: careful',
    ],
    ['what it wrote to stdout', { stdout: 'said', hook_event: 'Stop' }, 'Stop: said'],
    ['that it failed', { outcome: 'error' }, 'A hook: failed'],
    ['that it failed by its exit code', { exit_code: 2 }, 'A hook: failed'],
    ['the message in its JSON', { output: '{"systemMessage":"look out"}' }, 'A hook: look out'],
    ['why it stops the turn', { output: '{"continue":false,"stopReason":"enough"}' }, 'A hook: enough'],
    ['why it blocks', { output: '{"decision":"block","reason":"not yet"}' }, 'A hook: not yet'],
    [
      'why it denies a tool',
      { output: '{"hookSpecificOutput":{"permissionDecision":"deny","permissionDecisionReason":"no rm"}}' },
      'A hook: no rm',
    ],
    ['broken JSON as it is', { output: '{"a"' }, 'A hook: {"a"'],
    ['JSON of another shape as it is', { output: '{"systemMessage":7}' }, 'A hook: {"systemMessage":7}'],
  ])('show people %s', (_what, fields, text) => {
    expect(only(response(fields), 'notice')).toMatchObject([{ kind: 'hook', text }]);
  });

  it('say nothing to people when they succeed without words for them', () => {
    expect(only(response({ output: '  ', exit_code: 0, outcome: 'success' }), 'notice')).toEqual([]);
    expect(only(response({ output: '{"continue":true}', exit_code: 0 }), 'notice')).toEqual([]);
    expect(response({ outcome: 'cancelled' })).toMatchObject([{ type: 'hook_ended', outcome: 'cancelled' }]);
  });

  it('that are no such lines are left to others', () => {
    expect(hookEvents({ type: 'system', subtype: 'init' }, turnId)).toBeUndefined();
  });
});
