import { describe, expect, it } from 'vitest';
import { CliMessage } from '../../src/agent/cli-messages.ts';
import type { Mapped } from '../../src/agent/event-mapper.ts';
import { systemEvents } from '../../src/agent/system-events.ts';
import { messagesOf } from './recorded.ts';

function map(raw: unknown): Mapped {
  const message = CliMessage.parse(raw);
  if (message.type !== 'system') throw new Error('not a system message');
  return systemEvents(message, null);
}

const system = (fields: Record<string, unknown>): Mapped => map({ type: 'system', ...fields });

describe('system messages', () => {
  it('init names the conversation and the version', () => {
    const [init] = messagesOf('clear');
    expect(map(init)).toEqual({
      events: [],
      signals: [
        { kind: 'turn_began', cliSessionId: '00000000-0000-4000-8000-000000000020', cliVersion: '2.1.197' },
      ],
    });
  });

  it('a state without a name is no known state', () => {
    expect(system({ subtype: 'session_state_changed' }).signals).toEqual([{ kind: 'state', state: '' }]);
  });

  it('a retry is shown with its numbers, and says nothing of credentials [H-02]', () => {
    const [retry] = messagesOf('retry');
    expect(map(retry)).toEqual({
      events: [
        {
          type: 'notice',
          kind: 'retry',
          text: "The model's API answered 429; retry 1 in 0.6 s.",
          data: { attempt: 1, maxRetries: 10, delayMs: 550, status: 429, error: 'rate_limit' },
        },
      ],
      signals: [],
    });
  });

  it.each([401, 403])('a retry after %d means that the credentials are refused', (status) => {
    const { signals } = system({ subtype: 'api_retry', error_status: status, attempt: 1 });
    expect(signals).toEqual([{ kind: 'credentials_refused', status }]);
  });

  it('a lost connection is a retry without a status', () => {
    const { events, signals } = system({ subtype: 'api_retry', error_status: null, attempt: 2 });
    expect(signals).toEqual([]);
    expect(events).toMatchObject([{ text: "The model's API answered nothing; retry 2 in 0.0 s." }]);
  });

  it('compaction is shown when it begins, when it is done with its numbers, and when it fails [H-02]', () => {
    const [compacting, success, boundary] = messagesOf('compaction');
    expect(map(compacting).events).toMatchObject([{ kind: 'compaction', data: { phase: 'started' } }]);
    expect(map(success)).toEqual({ events: [], signals: [] });
    expect(map(boundary).events).toEqual([
      {
        type: 'notice',
        kind: 'compaction',
        text: 'The conversation was compacted: 21950 tokens became 615.',
        data: { phase: 'done', trigger: 'manual', preTokens: 21_950, postTokens: 615, durationMs: 30 },
      },
    ]);
    const failed = { subtype: 'status', status: null, compact_result: 'error' };
    expect(system({ ...failed, compact_error: 'no room' }).events).toMatchObject([
      { text: 'The conversation could not be compacted: no room.', data: { phase: 'failed' } },
    ]);
    expect(system(failed).events).toMatchObject([{ text: 'The conversation could not be compacted.' }]);
    expect(system({ subtype: 'compact_boundary' }).events).toMatchObject([{ data: { preTokens: null } }]);
  });

  it('what the CLI notifies of, and that the model refused, is shown [H-02]', () => {
    const [, , , notification] = messagesOf('hooks');
    expect(map(notification).events).toMatchObject([
      { type: 'notice', kind: 'info', text: 'Stop hook error occurred · ctrl+o to see' },
    ]);
    expect(system({ subtype: 'notification' }).events).toMatchObject([{ text: 'The CLI says something.' }]);
    const refused = { subtype: 'model_refusal_no_fallback', api_refusal_category: 'cyber' };
    expect(system(refused).events).toMatchObject([
      { kind: 'warning', text: 'The model refused to answer.', data: { refusal: { category: 'cyber' } } },
    ]);
    expect(system({ ...refused, api_refusal_explanation: 'because' }).events).toMatchObject([
      { text: 'The model refused to answer: because.' },
    ]);
  });

  it('information is shown in its own words where it has any', () => {
    const info = (fields: Record<string, unknown>) => system({ subtype: 'informational', ...fields }).events;
    expect(info({ content: 'blocked' })).toMatchObject([{ kind: 'info', text: 'blocked' }]);
    expect(info({ message: 'told' })).toMatchObject([{ text: 'told' }]);
    expect(info({})).toMatchObject([{ text: 'The CLI says something.' }]);
  });

  it('a denial by a rule is shown', () => {
    const [denied] = messagesOf('deniedByRule');
    expect(map(denied).events).toMatchObject([{ kind: 'permission', text: 'A rule denied Bash.' }]);
    expect(system({ subtype: 'permission_denied' }).events).toMatchObject([
      { text: 'A rule denied a tool.' },
    ]);
  });

  it.each(['thinking_tokens', 'hook_progress', 'task_progress'])('%s is noise', (subtype) => {
    expect(system({ subtype })).toEqual({ events: [], signals: [] });
  });

  it('a status nobody acts on is noise', () => {
    expect(system({ subtype: 'status', status: 'requesting' })).toEqual({ events: [], signals: [] });
  });
});
