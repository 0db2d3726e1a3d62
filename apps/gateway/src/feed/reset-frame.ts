// The `reset` frame as text: the stored snapshot is passed on without being parsed.
import { EMPTY_VIEW, type Position, type ResetReason, type SessionId } from '@holdfast/shared/protocol';

const EMPTY_VIEW_JSON = JSON.stringify(EMPTY_VIEW);

export interface ResetMessage {
  readonly sessionId: SessionId;
  readonly reason: ResetReason;
  /** The place of the snapshot. */
  readonly position: Position;
  /** The view as JSON; null: the empty view. */
  readonly snapshotJson: string | null;
}

export function resetFrame(message: ResetMessage): string {
  const { sessionId, reason, position, snapshotJson } = message;
  const head = JSON.stringify({ type: 'reset', sessionId, reason, position });
  return `${head.slice(0, -1)},"snapshot":${snapshotJson ?? EMPTY_VIEW_JSON}}`;
}
