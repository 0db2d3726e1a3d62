// What waits to be appended: groups of events with their effects, adjacent deltas merged, cut into batches.
// Pure bookkeeping: no I/O, no clock.
import { isHistoryEvent, type EventBody, type SessionEvent } from '@holdfast/shared/protocol';
import type { AppendEffects } from '@holdfast/shared/store';

/** Events that must reach the log in one step, with what changes in that step. */
export interface AppendGroup {
  readonly bodies: readonly EventBody[];
  readonly effects?: AppendEffects;
  /** When the owner made them, ms since 1970. */
  readonly at: number;
}

/** Frames over this size go to Redis singly: joining big strings in a script costs more than a call. */
export const SINGLE_FRAME_BYTES = 1_024;
/** Most frames of one batch: keeps the script below about a millisecond. */
export const MAX_BATCH_FRAMES = 128;
/** Longest text of a merged delta: a reader gets it in one piece. */
const MAX_MERGED_CHARS = 4_096;

/** What an append needs, and must be the same when it is repeated. */
export interface StoredBatch {
  readonly first: number;
  readonly frames: readonly string[];
  readonly effects: AppendEffects | undefined;
}

export interface Batch extends StoredBatch {
  readonly events: readonly SessionEvent[];
  /** How many pushes this batch carries: merged deltas count each. */
  readonly pushes: number;
}

interface Waiting {
  readonly group: AppendGroup;
  readonly pushes: number;
  /** What this adds to the characters that wait. */
  readonly chars: number;
}

export class AppendQueue {
  #waiting: Waiting[] = [];
  #chars = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** About how many characters wait: what back-pressure is decided by. */
  get waitingChars(): number {
    return this.#chars;
  }

  push(group: AppendGroup): void {
    const merged = this.#mergeDelta(group);
    const chars = merged ? textOf(group.bodies[0]).length : sizeOf(group);
    if (!merged) this.#waiting.push({ group, pushes: 1, chars });
    this.#chars += chars;
  }

  /** Takes the next batch, giving offsets from `first` on; undefined when nothing waits. */
  take(first: number): Batch | undefined {
    const events: SessionEvent[] = [];
    const frames: string[] = [];
    const history: number[] = [];
    let effects: AppendEffects = {};
    let pushes = 0;
    while (frames.length < MAX_BATCH_FRAMES) {
      const next = this.#waiting[0];
      if (next === undefined) break;
      const { group } = next;
      const rendered = render(group, first + frames.length);
      const isBig = rendered.frames.some((frame) => frame.length > SINGLE_FRAME_BYTES);
      if (isBig && frames.length > 0) break;
      this.#waiting.shift();
      pushes += next.pushes;
      this.#chars -= next.chars;
      for (const event of rendered.events) {
        if (isHistoryEvent(event.type)) history.push(event.offset - first);
      }
      events.push(...rendered.events);
      frames.push(...rendered.frames);
      if (group.effects !== undefined) effects = mergeEffects(effects, group.effects);
      if (isBig) break;
    }
    if (frames.length === 0) return undefined;
    const all = history.length > 0 ? { ...effects, history } : effects;
    return { first, events, frames, effects: Object.keys(all).length > 0 ? all : undefined, pushes };
  }

  /** A delta that follows a waiting delta of the same block joins it: one event instead of two. */
  #mergeDelta(group: AppendGroup): boolean {
    const waiting = this.#waiting.at(-1);
    const last = waiting?.group;
    const [next] = group.bodies;
    const [body] = last?.bodies ?? [];
    if (
      waiting === undefined ||
      last === undefined ||
      body?.type !== 'message_delta' ||
      next?.type !== 'message_delta'
    )
      return false;
    if (group.effects !== undefined || last.effects !== undefined) return false;
    if (last.bodies.length !== 1 || group.bodies.length !== 1) return false;
    if (body.messageId !== next.messageId || body.block !== next.block) return false;
    if (body.text.length + next.text.length > MAX_MERGED_CHARS) return false;
    this.#waiting[this.#waiting.length - 1] = {
      group: { ...last, bodies: [{ ...body, text: body.text + next.text }] },
      pushes: waiting.pushes + 1,
      chars: waiting.chars + next.text.length,
    };
    return true;
  }
}

function render(group: AppendGroup, first: number): { events: SessionEvent[]; frames: string[] } {
  const events = group.bodies.map((body, index): SessionEvent => ({
    offset: first + index,
    at: group.at,
    ...body,
  }));
  return { events, frames: events.map((event) => JSON.stringify(event)) };
}

/** Later effects win where there can be one; lists go on. */
export function mergeEffects(one: AppendEffects, other: AppendEffects): AppendEffects {
  const queue = [...(one.queue ?? []), ...(other.queue ?? [])];
  const approvals = [...(one.approvals ?? []), ...(other.approvals ?? [])];
  const meta = { ...one.meta, ...other.meta };
  return {
    ...one,
    ...other,
    ...(queue.length > 0 ? { queue } : {}),
    ...(approvals.length > 0 ? { approvals } : {}),
    ...(Object.keys(meta).length > 0 ? { meta } : {}),
  };
}

/** About what a body takes besides its text: names, ids, the frame around it. */
const BODY_CHARS = 200;

function sizeOf(group: AppendGroup): number {
  return group.bodies.reduce((sum, body) => sum + BODY_CHARS + textOf(body).length, 0);
}

function textOf(body: EventBody | undefined): string {
  if (body === undefined) return '';
  if ('output' in body) return body.output;
  return 'text' in body ? body.text : '';
}
