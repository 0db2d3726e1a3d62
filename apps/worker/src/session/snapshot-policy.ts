// When to store a snapshot and how far to trim the log behind it. The snapshot and the trim are one step, so a
// position that is too old always has an answer.

/** Keeps exact resume cheap for everyone who was away for a turn or two, and the log below about 1 MB. */
export interface SnapshotLimits {
  /** Inside a long turn, a snapshot at least every so many events or bytes. */
  readonly everyEvents: number;
  readonly everyBytes: number;
  /** The log is trimmed when it holds more than this. */
  readonly maxEvents: number;
  readonly maxBytes: number;
}

export const SNAPSHOT_POLICY: SnapshotLimits = {
  everyEvents: 1_000,
  everyBytes: 512_000,
  maxEvents: 2_000,
  maxBytes: 1_000_000,
};

interface Segment {
  readonly first: number;
  readonly events: number;
  readonly bytes: number;
}

/** Counts what the log holds since the last snapshots, and decides at each batch. */
export class SnapshotPolicy {
  readonly #limits: SnapshotLimits;
  /** What is retained, cut at the snapshots: the last one is still growing. */
  #segments: Segment[];

  /** `first`: the first offset that may still be in the log. */
  constructor(first: number, limits: SnapshotLimits = SNAPSHOT_POLICY) {
    this.#limits = limits;
    this.#segments = [{ first, events: 0, bytes: 0 }];
  }

  /**
   * Counts a batch. Returns whether a snapshot is to be stored with it, and the first offset to keep then
   * (undefined: nothing to trim). `turnEnded`: a good moment, taken as soon as there is something to trim.
   */
  count(batch: {
    readonly first: number;
    readonly events: number;
    readonly bytes: number;
    readonly turnEnded: boolean;
  }): {
    readonly snapshot: boolean;
    readonly trimBefore: number | undefined;
  } {
    const growing = this.#segments.at(-1) ?? { first: batch.first, events: 0, bytes: 0 };
    const grown = { ...growing, events: growing.events + batch.events, bytes: growing.bytes + batch.bytes };
    this.#segments[Math.max(0, this.#segments.length - 1)] = grown;
    const due = grown.events >= this.#limits.everyEvents || grown.bytes >= this.#limits.everyBytes;
    if (!due && !batch.turnEnded) return { snapshot: false, trimBefore: undefined };
    this.#segments.push({ first: batch.first + batch.events, events: 0, bytes: 0 });
    const kept = this.#dropOldest();
    return { snapshot: true, trimBefore: kept };
  }

  /** Drops whole segments from the front while too much is retained; the newest complete one always stays. */
  #dropOldest(): number | undefined {
    const before = this.#segments.length;
    while (this.#segments.length > 2 && this.#isOver()) this.#segments.shift();
    return this.#segments.length < before ? this.#segments[0]?.first : undefined;
  }

  #isOver(): boolean {
    const events = this.#segments.reduce((sum, segment) => sum + segment.events, 0);
    const bytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    return events > this.#limits.maxEvents || bytes > this.#limits.maxBytes;
  }
}
