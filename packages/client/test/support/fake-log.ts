// The log of one session as the gateway under test keeps it: in memory, with whatever a test does to it.
import { lastOffsetOf, SessionId, type Position, type SessionEvent } from '@holdfast/shared/protocol';

export interface FakeLog {
  epoch: string;
  events: SessionEvent[];
  /** Events at or below this offset can not be replayed. */
  trimmedTo: number;
  /** Whether a replay merges adjacent deltas of one block into one event. */
  mergesDeltas: boolean;
}

/** Why a position can not be served; undefined when it can. */
export function resetReason(
  log: FakeLog,
  head: Position,
  position: Position | undefined,
): string | undefined {
  if (position === undefined) return 'new';
  if (position.epoch !== log.epoch) return 'epoch';
  if (position.offset > head.offset) return 'ahead';
  return position.offset < log.trimmedTo ? 'trimmed' : undefined;
}

/** Adjacent deltas of one block become one event that spans their offsets. */
export function mergeDeltas(events: readonly SessionEvent[]): SessionEvent[] {
  const merged: SessionEvent[] = [];
  for (const event of events) {
    const last = merged.at(-1);
    const isSameBlock =
      last?.type === 'message_delta' &&
      event.type === 'message_delta' &&
      last.messageId === event.messageId &&
      last.block === event.block;
    if (isSameBlock) {
      const text = last.text + event.text;
      merged[merged.length - 1] = { ...last, text, at: event.at, upTo: lastOffsetOf(event) };
    } else merged.push(event);
  }
  return merged;
}

/** The nth session id of a test. */
export function sessionIdOf(n: number): SessionId {
  return SessionId.parse(`s7f-${'01JD0000000000000000000000'.slice(0, 26 - String(n).length)}${n}`);
}
