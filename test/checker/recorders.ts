// Records what a writer appends and what a client is told, at the edges of the product's own code.
import {
  applyEvent,
  EMPTY_VIEW,
  lastOffsetOf,
  SNAPSHOT_LIMITS,
  type Position,
  type SessionEvent,
} from '@holdfast/shared/protocol';
import type { EventLog } from '@holdfast/shared/store';
import type { SessionItem } from '@holdfast/client';
import { digestOf, type EventRecord, type Record } from './history.ts';

/** The same log, with every append noted before it is tried and after Redis has acknowledged it. */
export function recordAppends(log: EventLog, record: Record): EventLog {
  return {
    ...log,
    append: async (input) => {
      const { owner, first, frames } = input;
      const place = { session: owner.sessionId, epoch: owner.epoch, fence: owner.fence, first };
      record({ kind: 'attempt', ...place, frames });
      const result = await log.append(input);
      if (result.status === 'ok' || result.status === 'duplicate') {
        record({ kind: 'ack', ...place, count: frames.length });
      }
      return result;
    },
  };
}

/** Follows one session for one client: notes each item and folds the events as a client does. */
export class ClientRecorder {
  readonly #record: Record;
  readonly #who: { readonly client: string; readonly session: string };
  #view = EMPTY_VIEW;
  #position: Position | null = null;
  /** False for a client that goes on from a position: it does not have the view before it. */
  #hasView = true;
  caughtUpCount = 0;
  readonly resetReasons: string[] = [];

  constructor(record: Record, who: { readonly client: string; readonly session: string }) {
    this.#record = record;
    this.#who = who;
  }

  get position(): Position | null {
    return this.#position;
  }

  /** Notes that the client goes on from a position that it saved. */
  resume(position: Position): void {
    this.#position = position;
    this.#hasView = position.offset === 0;
    this.#record({ ...this.#who, kind: 'resume', ...position });
  }

  take(item: SessionItem): void {
    const { epoch, offset } = item.position;
    this.#position = { epoch, offset };
    switch (item.kind) {
      case 'reset':
        this.#view = item.snapshot;
        this.#hasView = true;
        this.resetReasons.push(item.reason);
        this.#record({
          ...this.#who,
          ...{ kind: 'reset', reason: item.reason, epoch, offset },
          view: viewDigest(item.snapshot),
        });
        break;
      case 'event':
        if (this.#hasView) this.#view = applyEvent(this.#view, item.event, SNAPSHOT_LIMITS);
        this.#record({ ...this.#who, epoch, ...eventRecord(item.event) });
        break;
      case 'caught_up':
        this.caughtUpCount += 1;
        this.#record({ ...this.#who, kind: 'caught_up', epoch, offset });
    }
  }

  /** Notes that the client still followed the session when everything had come to rest. */
  end(): void {
    const { epoch, offset } = this.#position ?? { epoch: '', offset: 0 };
    const view = this.#hasView ? { view: viewDigest(this.#view) } : {};
    this.#record({ ...this.#who, kind: 'end', epoch, offset, ...view });
  }
}

/** What is noted of an event that a client got. */
export function eventRecord(event: SessionEvent): Pick<EventRecord, 'kind' | 'offset' | 'digest' | 'event'> {
  const isMerged = lastOffsetOf(event) > event.offset;
  const kept = isMerged || isTurnEvent(event.type) ? { event } : {};
  return { kind: 'event', offset: event.offset, digest: digestOf(event), ...kept };
}

export function isTurnEvent(type: string): boolean {
  return /^(turn|prompt|abort)_/.test(type);
}

/** `updatedAt` is left out: a merged delta carries the time of its first part. */
export function viewDigest(view: object): string {
  return digestOf({ ...view, updatedAt: 0 });
}
