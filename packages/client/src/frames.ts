// Reads frames of the gateway. Tolerant of a newer service: frames and events of unknown types do no harm.
import {
  EventsFrame,
  SERVER_FRAME_TYPES,
  ServerFrame,
  tryParseEvent,
  type SessionEvent,
} from '@holdfast/shared/protocol';
import { z } from 'zod';

export type ParsedFrame =
  | { readonly kind: 'frame'; readonly frame: ServerFrame }
  /** A type this version does not know: passed over. */
  | { readonly kind: 'unknown'; readonly type: string }
  | { readonly kind: 'invalid'; readonly reason: string };

const AnyFrame = z.object({ type: z.string() });
const LooseEvents = EventsFrame.extend({ events: z.array(z.unknown()) });
const Envelope = z.object({
  offset: z.int().min(1),
  at: z.int().min(0).catch(0),
  upTo: z.int().min(1).optional(),
});

export function parseServerFrame(text: string): ParsedFrame {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { kind: 'invalid', reason: 'not JSON' };
  }
  const head = AnyFrame.safeParse(json);
  if (!head.success) return { kind: 'invalid', reason: 'no type' };
  if (head.data.type === 'events') return parseEvents(json);
  if (!SERVER_FRAME_TYPES.some((type) => type === head.data.type)) {
    return { kind: 'unknown', type: head.data.type };
  }
  const parsed = ServerFrame.safeParse(json);
  return parsed.success
    ? { kind: 'frame', frame: parsed.data }
    : { kind: 'invalid', reason: z.prettifyError(parsed.error) };
}

function parseEvents(json: unknown): ParsedFrame {
  const parsed = LooseEvents.safeParse(json);
  if (!parsed.success) return { kind: 'invalid', reason: z.prettifyError(parsed.error) };
  const events: SessionEvent[] = [];
  for (const value of parsed.data.events) {
    const event = tryParseEvent(value) ?? asUnknown(value);
    if (event === undefined) return { kind: 'invalid', reason: 'an event without an offset' };
    events.push(event);
  }
  return { kind: 'frame', frame: { ...parsed.data, events } };
}

/** An event of a newer writer keeps its place in the log, so that the position moves over it. */
export function asUnknown(value: unknown): SessionEvent | undefined {
  const envelope = Envelope.safeParse(value);
  if (!envelope.success) return undefined;
  const { upTo, ...rest } = envelope.data;
  return {
    type: 'unknown',
    turnId: null,
    source: 'protocol',
    raw: value,
    ...rest,
    ...(upTo === undefined ? {} : { upTo }),
  };
}
