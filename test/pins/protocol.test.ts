// The wire as literals: a change of any name, status or code here is a change of the protocol, and must be meant.
// docs/PROTOCOL.md names everything, and its examples are valid.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  CLIENT_FRAME_TYPES,
  ClientFrame,
  errorCatalogue,
  EVENT_TYPES,
  PROTOCOL_VERSION,
  ResetReason,
  SERVER_FRAME_TYPES,
  ServerFrame,
  SessionEvent,
  SessionStatus,
  StopReason,
  WhenBusy,
  WEBSOCKET_SUBPROTOCOL,
} from '@holdfast/shared/protocol';

const clientFrames = [
  ...['hello', 'create', 'open', 'attach', 'detach', 'prompt', 'promptEdit', 'promptCancel', 'promptMove'],
  ...['resumeQueue', 'abort', 'decide', 'bypass', 'set', 'share', 'unshare', 'refresh', 'ping'],
];
const serverFrames = [
  ...['welcome', 'attached', 'reset', 'events', 'caughtUp', 'ack', 'error', 'goingAway', 'pong'],
];
const events = [
  ...['session_created', 'settings_changed', 'prompt_queued', 'prompt_edited', 'prompt_moved'],
  ...[
    'prompt_cancelled',
    'prompt_steered',
    'queue_resumed',
    'prompt_injected',
    'prompt_returned',
    'abort_requested',
    'turn_started',
  ],
  ...['message_delta', 'message_completed', 'message_discarded', 'tool_call_started', 'tool_call_completed'],
  ...['task_started', 'task_ended'],
  ...[
    'approval_requested',
    'approval_resolved',
    'bypass_changed',
    'usage_updated',
    'notice',
    'turn_stalled',
    'turn_ended',
  ],
  ...['hook_started', 'hook_ended', 'turn_resumed'],
  ...['turn_interrupted', 'owner_changed', 'child_started', 'child_parked', 'child_exited'],
  ...['history_trimmed', 'unknown'],
];
/** code: [HTTP status, close code, retryable] */
const errors: Record<string, [number, number | null, boolean]> = {
  bad_json: [400, null, false],
  bad_request: [400, null, false],
  unknown_frame: [400, null, false],
  binary_frame: [400, null, false],
  hello_expected: [400, 4400, false],
  hello_repeated: [400, null, false],
  hello_late: [408, 4408, true],
  unsupported_version: [400, 4406, false],
  frame_too_large: [413, 1009, false],
  unauthenticated: [401, 4401, false],
  refresh_refused: [401, null, false],
  identity_unavailable: [503, null, true],
  origin_refused: [403, null, false],
  not_found: [404, null, false],
  session_not_found: [404, null, false],
  not_permitted: [403, null, false],
  share_refused: [409, null, false],
  prompt_empty: [400, null, false],
  prompt_too_large: [413, null, false],
  prompt_busy: [409, null, true],
  prompt_not_queued: [409, null, false],
  queue_full: [409, null, true],
  approval_not_found: [404, null, false],
  approval_resolved: [409, null, false],
  approval_expired: [409, null, false],
  approval_lost: [409, null, false],
  approval_cancelled: [409, null, false],
  approval_changed: [409, null, false],
  decision_invalid: [400, null, false],
  decision_too_large: [413, null, false],
  rule_not_found: [404, null, false],
  key_not_found: [404, null, false],
  limit_reached: [429, null, true],
  too_many_connections: [429, 4429, true],
  upload_empty: [400, null, false],
  upload_too_large: [413, null, false],
  upload_type_refused: [415, null, false],
  upload_missing: [409, null, false],
  too_many_uploads: [409, null, false],
  cwd_not_allowed: [400, null, false],
  cwd_missing: [400, null, false],
  bad_position: [400, null, false],
  already_attached: [409, null, false],
  not_attached: [409, null, false],
  too_many_attached: [429, null, false],
  rate_limited: [429, null, true],
  slow_consumer: [408, 4008, true],
  going_away: [503, 1012, true],
  heartbeat_lost: [408, 4009, true],
  storage_unavailable: [503, null, true],
  storage_full: [507, null, true],
  internal: [500, null, true],
};

describe('the wire', () => {
  it('has these frames, events, words and versions', () => {
    expect(CLIENT_FRAME_TYPES).toEqual(clientFrames);
    expect(SERVER_FRAME_TYPES).toEqual(serverFrames);
    expect(EVENT_TYPES.toSorted()).toEqual(events.toSorted());
    expect(ResetReason.options).toEqual(['new', 'trimmed', 'epoch', 'ahead']);
    expect(SessionStatus.options).toEqual(['idle', 'queued', 'paused', 'running', 'awaiting_approval']);
    expect(WhenBusy.options).toEqual(['queue', 'steer', 'interrupt', 'reject']);
    expect(StopReason.options).toEqual([
      ...[
        'end_turn',
        'max_tokens',
        'refusal',
        'stop_sequence',
        'max_turns',
        'max_budget',
        'aborted',
        'failed',
      ],
    ]);
    expect([PROTOCOL_VERSION, WEBSOCKET_SUBPROTOCOL]).toEqual([1, 'holdfast.v1']);
  });

  it('has these errors, with their statuses and close codes', () => {
    const found = Object.entries(errorCatalogue).map(([code, entry]) => [
      code,
      [entry.httpStatus, entry.closeCode, entry.retryable],
    ]);
    expect(Object.fromEntries(found)).toEqual(errors);
  });
});

const schemas: Record<string, z.ZodType> = {
  client: ClientFrame,
  server: ServerFrame,
  event: SessionEvent,
  body: z.looseObject({}),
};

describe('docs/PROTOCOL.md', () => {
  const text = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```json (\w+)\n([\s\S]*?)^```$/gm)];
  const examples = blocks.flatMap(([, kind = '', body = '']) =>
    body
      .trim()
      .split('\n')
      .map((line) => ({ kind, line })),
  );
  const examplesOf = (kind: string): string[] =>
    examples.filter((example) => example.kind === kind).map((example) => example.line);
  const typesIn = (lines: readonly string[]): string[] =>
    lines.map((line) => /"type":"(\w+)"/.exec(line)?.[1] ?? line);

  it.each([...CLIENT_FRAME_TYPES, ...SERVER_FRAME_TYPES, ...EVENT_TYPES, ...Object.keys(errorCatalogue)])(
    'names %s',
    (name) => expect(text).toContain(`\`${name}\``),
  );

  it('states for every error its status, close code and whether it is retryable', () => {
    const rows = [...text.matchAll(/^\| `(\w+)` \| (\d{3}) \| (\d{4})? ?\| (yes|no) \|/gm)].map(
      ([, code = '', status, close, retryable]) => [
        code,
        [Number(status), close === undefined ? null : Number(close), retryable === 'yes'],
      ],
    );
    expect(Object.fromEntries(rows)).toEqual(errors);
  });

  it.each(examples)('has a valid example of kind $kind: $line', ({ kind, line }) => {
    const schema = Object.hasOwn(schemas, kind) ? schemas[kind] : undefined;
    expect(schema?.safeParse(JSON.parse(line)).error?.issues).toBeUndefined();
    expect(schema).toBeDefined();
  });

  it('has an example of every frame and every event', () => {
    expect(typesIn(examplesOf('client'))).toEqual(expect.arrayContaining(clientFrames));
    expect(typesIn(examplesOf('server'))).toEqual(expect.arrayContaining(serverFrames));
    expect(typesIn(examplesOf('event'))).toEqual(expect.arrayContaining(events));
  });

  it('names every field of every event', () => {
    for (const line of examplesOf('event')) {
      const fields = Object.keys(JSON.parse(line) as object).filter((field) => field !== 'type');
      for (const field of fields) expect(text).toContain(`\`${field}\``);
    }
  });
});
