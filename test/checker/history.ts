// What is recorded of a run: what writers appended, what the log held in the end, what each client was told, and
// which prompts were accepted. Every record is plain JSON, so that processes can write them as lines of a file.
import { createHash } from 'node:crypto';
import type { SessionEvent } from '@holdfast/shared/protocol';

/** A writer is about to append these frames; whether it worked is told by {@link AckRecord}. */
export interface AttemptRecord {
  readonly kind: 'attempt';
  readonly session: string;
  readonly epoch: string;
  readonly fence: number;
  readonly first: number;
  readonly frames: readonly string[];
}

/** Redis answered that the frames of this attempt are in the log. */
export interface AckRecord {
  readonly kind: 'ack';
  readonly session: string;
  readonly epoch: string;
  readonly fence: number;
  readonly first: number;
  readonly count: number;
}

/** A frame that was in the durable log (or its history) when everything had come to rest. */
export interface StoredRecord {
  readonly kind: 'stored';
  readonly session: string;
  readonly offset: number;
  readonly frame: string;
}

/** Where the log ended when everything had come to rest. */
export interface HeadRecord {
  readonly kind: 'head';
  readonly session: string;
  readonly epoch: string;
  readonly head: number;
}

/** A client goes on from a position that it saved earlier. */
export interface ResumeRecord {
  readonly kind: 'resume';
  readonly client: string;
  readonly session: string;
  readonly epoch: string;
  readonly offset: number;
}

/** A client was told to start over from a snapshot; `view` is the digest of it. */
export interface ResetRecord {
  readonly kind: 'reset';
  readonly client: string;
  readonly session: string;
  readonly reason: string;
  readonly epoch: string;
  readonly offset: number;
  readonly view: string;
}

/** A client was given an event. `event` is kept where the digest is not enough: merged deltas, turns. */
export interface EventRecord {
  readonly kind: 'event';
  readonly client: string;
  readonly session: string;
  readonly epoch: string;
  readonly offset: number;
  readonly digest: string;
  readonly event?: SessionEvent;
}

export interface CaughtUpRecord {
  readonly kind: 'caught_up';
  readonly client: string;
  readonly session: string;
  readonly epoch: string;
  readonly offset: number;
}

/** The client still followed the session when everything had come to rest; `view` is the digest of what it showed. */
export interface EndRecord {
  readonly kind: 'end';
  readonly client: string;
  readonly session: string;
  readonly epoch: string;
  readonly offset: number;
  readonly view?: string;
}

/** The service acknowledged a prompt. */
export interface PromptRecord {
  readonly kind: 'prompt_accepted';
  readonly session: string;
  readonly promptId: string;
}

export type WriterRecord = AttemptRecord | AckRecord;
export type ClientRecord = ResumeRecord | ResetRecord | EventRecord | CaughtUpRecord | EndRecord;
export type HistoryRecord = WriterRecord | ClientRecord | StoredRecord | HeadRecord | PromptRecord;

export type Record = (record: HistoryRecord) => void;

/** Reads records written as JSON lines; a last line that was cut off by the death of its writer is left out. */
export function parseHistory(text: string): HistoryRecord[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as HistoryRecord); // written by our own recorders
}

/**
 * The digest of an event or a view: of its JSON with sorted keys, so that a value that went through a parser is
 * the same value.
 */
export function digestOf(value: unknown): string {
  return createHash('sha1').update(canonicalJson(value)).digest('base64url').slice(0, 16);
}

/** Links a digest to the chain of those before it: equal chains mean equal histories from the beginning. */
export function link(chain: string, digest: string): string {
  return createHash('sha1').update(chain).update(digest).digest('base64url').slice(0, 16);
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
