// Keeps a session's history under its byte cap: finds how far to trim. The trim itself is an append with its own
// event (history_trimmed), so nobody loses a message without being told.
import type { SessionId } from '@holdfast/shared/protocol';
import type { EventLog } from '@holdfast/shared/store';

/** Bytes of frames the history of one session may hold. */
export const HISTORY_CAP_BYTES = 8 * 1024 * 1024;
/** Trimming goes down to this part of the cap, so that it happens seldom. */
const KEEP_SHARE = 0.75;
const PAGE = 256;

/** How far to trim, and what goes with it. */
export interface HistoryTrim {
  /** First offset to keep. */
  readonly before: number;
  readonly bytes: number;
}

/** Finds the trim that brings a history of `historyBytes` well below `capBytes`; null when it is within the cap. */
export async function planHistoryTrim(
  log: Pick<EventLog, 'readOldestHistory'>,
  history: { readonly sessionId: SessionId; readonly historyBytes: number; readonly capBytes: number },
): Promise<HistoryTrim | null> {
  const { sessionId, historyBytes, capBytes } = history;
  if (historyBytes <= capBytes) return null;
  const excess = historyBytes - capBytes * KEEP_SHARE;
  let bytes = 0;
  let before = 0;
  for (;;) {
    const page = await log.readOldestHistory({ sessionId, after: Math.max(0, before - 1), limit: PAGE });
    for (const { offset, frame } of page) {
      bytes += Buffer.byteLength(frame);
      before = offset + 1;
      if (bytes >= excess) return { before, bytes };
    }
    if (page.length < PAGE) return before === 0 ? null : { before, bytes };
  }
}
