// The batches appended last, kept at the owner: if Redis lost the tail of the log, they are appended again, the
// same bytes at the same offsets. Bounded; what is older than the ring can't be repaired.
import type { StoredBatch } from './append-queue.ts';

/** Redis with appendfsync everysec can lose about a second; this holds several at the highest rates we serve. */
const MAX_FRAMES = 2_000;
const MAX_BYTES = 1_000_000;

export class AppendRing {
  #batches: StoredBatch[] = [];
  #frames = 0;
  #bytes = 0;

  /** Keeps what is needed to append the batch again; not its events, which would take as much memory once more. */
  add({ first, frames, effects }: StoredBatch): void {
    const batch = { first, frames, effects };
    this.#batches.push(batch);
    this.#frames += batch.frames.length;
    this.#bytes += bytesOf(batch);
    while (this.#batches.length > 1 && (this.#frames > MAX_FRAMES || this.#bytes > MAX_BYTES)) {
      const oldest = this.#batches.shift();
      if (oldest === undefined) break;
      this.#frames -= oldest.frames.length;
      this.#bytes -= bytesOf(oldest);
    }
  }

  /** The batch appended last; undefined before the first. */
  last(): StoredBatch | undefined {
    return this.#batches.at(-1);
  }

  /** The batches after `head`, in order; null when the ring does not reach back to it at a batch's boundary. */
  after(head: number): StoredBatch[] | null {
    const start = this.#batches.findIndex((batch) => batch.first === head + 1);
    return start === -1 ? null : this.#batches.slice(start);
  }
}

function bytesOf(batch: StoredBatch): number {
  return batch.frames.reduce((sum, frame) => sum + frame.length, 0);
}
