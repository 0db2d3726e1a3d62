// Where a reader is in a session's log, and what an incoming batch means there. Pure.
import { lastOffsetOf, type Position, type SessionEvent } from '@holdfast/shared/protocol';

/** The position after the last event taken; null before the first answer of the service. */
export type EventCursor = Position | null;

export type Batch =
  /** The events to take, in order; empty when all of them were known. */
  | { readonly kind: 'take'; readonly events: readonly SessionEvent[]; readonly cursor: Position }
  /** Something between the cursor and these events is missing, or overlaps it: attach again from the cursor. */
  | { readonly kind: 'gap'; readonly events: readonly SessionEvent[]; readonly cursor: EventCursor }
  /** The events are of another incarnation of the log: attach again, the service answers with a reset. */
  | { readonly kind: 'epoch_changed' };

/**
 * Filters a batch by offset: known events are dropped, new ones taken while they continue the cursor.
 * A merged event may span several offsets; one that reaches over the cursor can be neither taken nor dropped.
 */
export function acceptBatch(
  cursor: EventCursor,
  batch: { readonly epoch: string; readonly events: readonly SessionEvent[] },
): Batch {
  if (cursor === null) return { kind: 'gap', events: [], cursor };
  if (batch.epoch !== cursor.epoch) return { kind: 'epoch_changed' };
  const taken: SessionEvent[] = [];
  let offset = cursor.offset;
  for (const event of batch.events) {
    const last = lastOffsetOf(event);
    if (last <= offset) continue;
    if (event.offset !== offset + 1) {
      return { kind: 'gap', events: taken, cursor: { epoch: cursor.epoch, offset } };
    }
    taken.push(event);
    offset = last;
  }
  return { kind: 'take', events: taken, cursor: { epoch: cursor.epoch, offset } };
}
