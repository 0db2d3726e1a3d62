// The log of one session as the records tell it: for each epoch and offset the one event that counts, the chain of
// digests up to it, and the view folded up to it. An epoch goes on from the one before at the offset of its first
// append; what that one had beyond is abandoned.
import {
  applyEvent,
  EMPTY_VIEW,
  SNAPSHOT_LIMITS,
  tryParseEvent,
  type SessionEvent,
} from '@holdfast/shared/protocol';
import { digestOf, link, type AckRecord, type AttemptRecord } from './history.ts';
import { viewDigest } from './recorders.ts';

/** What some writer wanted to have at one offset, or what was found there. */
export interface Candidate {
  readonly digest: string;
  /** null: nobody recorded the writing of it. */
  readonly fence: number | null;
  readonly frame: string | undefined;
  acknowledged: boolean;
  /** It was in the log at the end, or a client got it. */
  seen: boolean;
}

interface Epoch {
  readonly name: string;
  /** Epochs that recorded writers made come in the order of their fences. */
  fence: number;
  first: number;
  last: number;
  parent: Epoch | undefined;
  readonly slots: Map<number, Candidate[]>;
  chains: string[] | undefined;
}

export class SessionLog {
  readonly session: string;
  readonly #epochs = new Map<string, Epoch>();

  constructor(session: string) {
    this.session = session;
  }

  addAttempt(record: AttemptRecord): void {
    const epoch = this.#epoch(record.epoch);
    epoch.fence = Math.min(epoch.fence, record.fence);
    epoch.first = Math.min(epoch.first, record.first);
    for (const [index, frame] of record.frames.entries()) {
      const offset = record.first + index;
      const digest = digestOf(JSON.parse(frame));
      const slot = slotAt(epoch, offset);
      if (slot.some((known) => known.digest === digest && known.fence === record.fence)) continue;
      slot.push({ digest, fence: record.fence, frame, acknowledged: false, seen: false });
    }
  }

  addAck(record: AckRecord): void {
    const epoch = this.#epoch(record.epoch);
    for (let offset = record.first; offset < record.first + record.count; offset += 1) {
      for (const candidate of slotAt(epoch, offset)) {
        if (candidate.fence === record.fence) candidate.acknowledged = true;
      }
    }
  }

  /** All attempts are known: puts the epochs in order. */
  link(): void {
    const written = [...this.#epochs.values()].filter((epoch) => epoch.fence !== Number.POSITIVE_INFINITY);
    written.sort((one, other) => one.fence - other.fence);
    for (const [index, epoch] of written.entries()) epoch.parent = written[index - 1];
  }

  /** Something was found at this place; says what counts there, or undefined when it is the first that is known. */
  addFound(epoch: string, offset: number, found: { digest: string; frame?: string }): void {
    const holder = this.#holder(this.#epoch(epoch), offset);
    const slot = slotAt(holder, offset);
    const known = slot.find((candidate) => candidate.digest === found.digest);
    if (known !== undefined) known.seen = true;
    else if (slot.length === 0) {
      const { digest, frame } = found;
      slot.push({ digest, frame, fence: null, acknowledged: false, seen: true });
    }
  }

  epochs(): { readonly name: string; readonly first: number; readonly last: number; readonly end: number }[] {
    return [...this.#epochs.values()].map((epoch) => {
      const child = [...this.#epochs.values()].find((other) => other.parent === epoch);
      return {
        name: epoch.name,
        first: epoch.first,
        last: epoch.last,
        end: child?.first ?? Number.POSITIVE_INFINITY,
      };
    });
  }

  candidates(epoch: string, offset: number): readonly Candidate[] {
    return this.#holder(this.#epoch(epoch), offset).slots.get(offset) ?? [];
  }

  /** The event that counts at this place: acknowledged before seen before merely tried, the newest fence first. */
  at(epoch: string, offset: number): Candidate | undefined {
    const rank = (candidate: Candidate): number =>
      (candidate.acknowledged ? 2 : 0) + (candidate.seen ? 1 : 0);
    return [...this.candidates(epoch, offset)].sort(
      (one, other) => rank(other) - rank(one) || (other.fence ?? 0) - (one.fence ?? 0),
    )[0];
  }

  eventAt(epoch: string, offset: number): SessionEvent | undefined {
    const frame = this.at(epoch, offset)?.frame;
    return frame === undefined ? undefined : tryParseEvent(JSON.parse(frame));
  }

  /** The chain of digests of events 1..offset. What nobody recorded counts as the same for everyone. */
  chainAt(epoch: string, offset: number): string {
    const holder = this.#epoch(epoch);
    const chains = (holder.chains ??= ['']);
    for (let next = chains.length; next <= offset; next += 1) {
      chains.push(link(chains[next - 1] ?? '', this.at(epoch, next)?.digest ?? 'unknown'));
    }
    return chains[offset] ?? '';
  }

  /** Digests of the folded view at these offsets; those that the recorded frames do not reach are left out. */
  viewsAt(epoch: string, offsets: Iterable<number>): Map<number, string> {
    const wanted = new Set(offsets);
    const last = Math.max(0, ...wanted);
    const views = new Map<number, string>([[0, viewDigest(EMPTY_VIEW)]]);
    let view = EMPTY_VIEW;
    for (let offset = 1; offset <= last; offset += 1) {
      const event = this.eventAt(epoch, offset);
      if (event === undefined) break;
      view = applyEvent(view, event, SNAPSHOT_LIMITS);
      if (wanted.has(offset)) views.set(offset, viewDigest(view));
    }
    return views;
  }

  #epoch(name: string): Epoch {
    const known = this.#epochs.get(name);
    if (known !== undefined) return known;
    const epoch: Epoch = {
      name,
      fence: Number.POSITIVE_INFINITY,
      first: Number.POSITIVE_INFINITY,
      last: 0,
      parent: undefined,
      slots: new Map(),
      chains: undefined,
    };
    this.#epochs.set(name, epoch);
    return epoch;
  }

  #holder(epoch: Epoch, offset: number): Epoch {
    let holder = epoch;
    while (holder.parent !== undefined && offset < holder.first) holder = holder.parent;
    return holder;
  }
}

function slotAt(epoch: Epoch, offset: number): Candidate[] {
  const known = epoch.slots.get(offset);
  if (known !== undefined) return known;
  const slot: Candidate[] = [];
  epoch.slots.set(offset, slot);
  epoch.last = Math.max(epoch.last, offset);
  return slot;
}
