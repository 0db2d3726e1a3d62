// A place in a session's log. What a client saves, and gives back to resume.
import { z } from 'zod';

/** Counts events 1, 2, 3, … for the session's whole life; 0 is the place before the first event. */
export const Offset = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** `epoch` names the log's incarnation (it changes only if history was lost); `offset` is the last event seen. */
export const Position = z.object({ epoch: z.string().regex(/^[0-9a-z]{1,32}$/), offset: Offset });
export type Position = z.infer<typeof Position>;

/** Writes a position as `epoch:offset`, the form of SSE ids and of the `after` query. */
export function formatPosition(position: Position): string {
  return `${position.epoch}:${position.offset}`;
}

/** Reads `epoch:offset`; undefined for anything else. */
export function tryParsePosition(text: string): Position | undefined {
  const match = /^([0-9a-z]{1,32}):(0|[1-9][0-9]{0,15})$/.exec(text);
  const parsed = Position.safeParse({ epoch: match?.[1], offset: Number(match?.[2]) });
  return parsed.success ? parsed.data : undefined;
}
