// What a producer can do with the sessions of one lane, and the events it sends. Sessions are numbered from 0.
import { mintTurnId, type EventBody } from '@holdfast/shared/protocol';
import type { SessionRef } from './types.ts';

export interface ProducerLane {
  /** Makes more sessions. */
  open(count: number): Promise<void>;
  /** Sends one event; `text` carries the mark and `number`. Never waits. */
  push(index: number, event: { readonly number: number; readonly text: string }): void;
  /** Where the session stands, with all that was sent. */
  placeOf(index: number): Omit<SessionRef, 'count'>;
  /** Resolves when everything pushed is stored, as far as the lane stores anything. */
  flushed(): Promise<void>;
}

/** Deltas of a message, then both its blocks complete: what is kept in the history is one event in 25. */
const EVENTS_PER_MESSAGE = 50;
const TURN_ID = mintTurnId();

/** An event of an answer. Neighbouring deltas are of two blocks in turn, so that no lane may merge them. */
export function answerEvent(event: { readonly number: number; readonly text: string }): EventBody {
  const { number, text } = event;
  const at = {
    turnId: TURN_ID,
    messageId: `msg_${Math.floor(number / EVENTS_PER_MESSAGE)}`,
    block: number % 2,
  };
  const isLastOfBlock = number % EVENTS_PER_MESSAGE >= EVENTS_PER_MESSAGE - 2;
  const type = isLastOfBlock ? ('message_completed' as const) : ('message_delta' as const);
  return { type, ...at, kind: 'text', text };
}

/** How long a text must be for a stored frame of about `frameBytes`. */
export function textChars(frameBytes: number): number {
  const frame = { offset: 1_000, at: Date.now(), ...answerEvent({ number: 1_000, text: '' }) };
  return Math.max(0, frameBytes - JSON.stringify(frame).length);
}
