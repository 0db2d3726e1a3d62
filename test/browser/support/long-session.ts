// A session with a long past, written as its owner would: log, history and snapshot, without running an agent.
import {
  applyEvent,
  EMPTY_VIEW,
  mintTurnId,
  SNAPSHOT_LIMITS,
  type EventBody,
  type SessionEvent,
  type SessionId,
  type SessionView,
} from '@holdfast/shared/protocol';
import type { Redis } from '@holdfast/shared/store';
import { createStoredSession, ownSession } from '../../support/fake-owner.ts';

const BATCH = 100;
/** Events of one turn as `turnOf` makes them. */
const EVENTS_PER_TURN = 10;

/** A turn with an answer, an edit and a command; `at` is where it is in the session. */
function turnOf(at: number): EventBody[] {
  const turnId = mintTurnId();
  const messageId = `msg_${at}`;
  const edit = `edit_${at}`;
  const command = `bash_${at}`;
  const usage = { inputTokens: 10, outputTokens: 20, cacheReadTokens: 1_000, cacheCreationTokens: 0 };
  const said = `Turn **${at}**: the file is changed and \`npm test\` passes.\n\n- first point\n- second point`;
  return [
    {
      type: 'turn_started',
      turnId,
      promptId: null,
      content: [{ type: 'text', text: `Do step ${at}` }],
      attempt: 1,
    },
    {
      type: 'message_completed',
      turnId,
      messageId,
      block: 0,
      kind: 'thinking',
      text: `Step ${at} needs an edit.`,
    },
    {
      ...{ type: 'tool_call_started', turnId, messageId, block: 1, toolCallId: edit, name: 'Edit' },
      input: {
        file_path: `/w/src/file-${at}.ts`,
        old_string: `const a = ${at};`,
        new_string: `const a = ${at + 1};`,
      },
    },
    { type: 'tool_call_completed', turnId, toolCallId: edit, isError: false, output: 'ok', truncated: false },
    {
      ...{ type: 'tool_call_started', turnId, messageId, block: 2, toolCallId: command, name: 'Bash' },
      input: { command: `npm test -- step-${at}` },
    },
    {
      ...{
        type: 'tool_call_completed',
        turnId,
        toolCallId: command,
        isError: at % 10 === 4,
        truncated: false,
      },
      output: Array.from({ length: 5 }, (_, line) => `ok ${line} - step ${at}`).join('\n'),
    },
    { type: 'message_delta', turnId, messageId, block: 3, kind: 'text', text: said.slice(0, 20) },
    { type: 'message_completed', turnId, messageId, block: 3, kind: 'text', text: said },
    {
      type: 'usage_updated',
      context: { tokens: 12_000 + at * 100, windowTokens: 200_000 },
      totals: usage,
      costUsd: at / 100,
    },
    {
      ...{ type: 'turn_ended', turnId, stopReason: 'end_turn', error: null },
      durationMs: 9,
      apiDurationMs: 8,
      costUsd: 0.01,
      usage,
    },
  ] as EventBody[]; // literals of the protocol's own events, checked again when they are read
}

/** Writes `count` events; the log is trimmed as a worker would, so only the history has the whole of it. */
export async function writeLongSession(redis: Redis, count: number): Promise<SessionId> {
  const sessionId = await createStoredSession(redis);
  await continueLongSession(redis, { sessionId, from: 0, count });
  return sessionId;
}

/** Goes on with a session as another owner; `from`: the number of its first turn. */
export async function continueLongSession(
  redis: Redis,
  {
    sessionId,
    from,
    count,
  }: { readonly sessionId: SessionId; readonly from: number; readonly count: number },
): Promise<void> {
  const owner = await ownSession(redis, sessionId);
  const turns = Array.from({ length: Math.ceil(count / EVENTS_PER_TURN) }, (_, at) => turnOf(from + at));
  const bodies = turns.flat();
  let view: SessionView = { ...EMPTY_VIEW, cwd: '/w', title: 'A long session' };
  for (let at = 0; at < bodies.length; at += BATCH) {
    await owner.append(bodies.slice(at, at + BATCH), (events: SessionEvent[]) => {
      view = events.reduce((folded, event) => applyEvent(folded, event, SNAPSHOT_LIMITS), view);
      const history = events.flatMap(({ type }, index) => (type === 'message_delta' ? [] : [index]));
      // What an earlier owner wrote is not in this view: as in a real one, it has been left out of it.
      const snapshot = {
        offset: view.offset,
        json: JSON.stringify({ ...view, messagesDropped: Math.max(1, view.messagesDropped) }),
      };
      const trimBefore = view.offset - BATCH;
      return { history, snapshot, ...(trimBefore > 1 ? { trimBefore } : {}) };
    });
  }
}
