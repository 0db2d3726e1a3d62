// Catching up with less: adjacent deltas of one block become one delta that covers their offsets.
import { tryParseEvent, type SessionEvent } from '@holdfast/shared/protocol';

/** Longer texts save little and make one frame large. */
const MAX_MERGED_CHARS = 64_000;

type Delta = Extract<SessionEvent, { type: 'message_delta' }>;

/**
 * Merges what can be merged in consecutive stored frames; every other frame passes as it is.
 * A merged delta has the first one's offset and `upTo`, the last one's offset.
 */
export function mergeDeltas(frames: readonly string[]): string[] {
  const merged: string[] = [];
  let open: { delta: Delta; count: number; text: string } | undefined;
  const close = (): void => {
    if (open !== undefined) merged.push(open.count === 1 ? open.text : JSON.stringify(open.delta));
    open = undefined;
  };
  for (const frame of frames) {
    const delta = parseDelta(frame);
    if (delta !== undefined && open !== undefined && continues(open.delta, delta)) {
      open.delta = { ...open.delta, text: open.delta.text + delta.text, upTo: delta.upTo ?? delta.offset };
      open.count += 1;
      continue;
    }
    close();
    if (delta === undefined) merged.push(frame);
    else open = { delta, count: 1, text: frame };
  }
  close();
  return merged;
}

function continues(open: Delta, next: Delta): boolean {
  return (
    open.messageId === next.messageId &&
    open.block === next.block &&
    open.turnId === next.turnId &&
    open.kind === next.kind &&
    open.parentToolCallId === next.parentToolCallId &&
    (open.upTo ?? open.offset) + 1 === next.offset &&
    open.text.length + next.text.length <= MAX_MERGED_CHARS
  );
}

/** The delta in a stored frame; a frame of a shape that is not known passes as it is. */
function parseDelta(frame: string): Delta | undefined {
  if (!frame.includes('"message_delta"')) return undefined;
  const event = tryParseEvent(tryParseJson(frame));
  return event?.type === 'message_delta' ? event : undefined;
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
