// The log file of each part: one old file is kept, and the current one is bounded while it grows.
import { closeSync, copyFileSync, openSync, readFileSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** Beyond this the log moves to `<part>.log.1`; a part at debug level fills it in minutes, at info in weeks. */
const MAX_LOG_BYTES = 20 * 1024 * 1024;

export class PartLog {
  readonly path: string;

  constructor(folder: string, part: string) {
    this.path = join(folder, `${part}.log`);
  }

  /** Moves the log of the last run aside. */
  rotate(): void {
    if (this.size() > 0) renameSync(this.path, `${this.path}.1`);
  }

  /** Opens the log for a child to append to, and calls `use` with the descriptor. */
  withDescriptor<T>(use: (descriptor: number) => T): T {
    const descriptor = openSync(this.path, 'a', 0o600);
    try {
      return use(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Empties a log that has grown too long, after copying it; its writer appends, so it goes on at the start. */
  bound(): void {
    if (this.size() <= MAX_LOG_BYTES) return;
    try {
      copyFileSync(this.path, `${this.path}.1`);
    } catch {
      // On a full disk the room is worth more than the old lines.
    }
    truncateSync(this.path, 0);
  }

  size(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** What was written from byte `from` on, at most the last 16 KB of it. */
  tail(from: number): string {
    try {
      return readFileSync(this.path).subarray(from).subarray(-16_384).toString('utf8');
    } catch {
      return '';
    }
  }
}

/**
 * The line in which a part said why it cannot go on: its own last complaint, without the prefix, else the error
 * that Node printed when it could not even load the part. Undefined if it said nothing.
 */
export function lastComplaint(tail: string): string | undefined {
  const lines = tail.split('\n');
  const own = lines.findLast((line) => line.startsWith('holdfast: '));
  return own?.slice('holdfast: '.length) ?? lines.find((line) => /^\w*Error\b.*:/.test(line));
}
