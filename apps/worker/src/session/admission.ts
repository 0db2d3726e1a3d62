// Places for children: a worker keeps at most so many. Who finds no place waits in order and is told its position;
// an idle child is parked for it where there is one. Bookkeeping only: no I/O, no clock.
import type { SessionId } from '@holdfast/shared/protocol';

/** Who waits for a place. */
interface Waiter {
  readonly sessionId: SessionId;
  readonly onGranted: () => void;
  readonly onPosition: (position: number) => void;
}

export class Admission {
  readonly #capacity: number;
  /** Asks for an idle child to be parked; false when none is idle. Its place comes back by `leave`. */
  readonly #parkIdlest: () => boolean;
  readonly #holders = new Set<SessionId>();
  #waiting: Waiter[] = [];

  constructor(options: { readonly capacity: number; readonly parkIdlest: () => boolean }) {
    this.#capacity = options.capacity;
    this.#parkIdlest = options.parkIdlest;
  }

  get taken(): number {
    return this.#holders.size;
  }

  get isFull(): boolean {
    return this.#holders.size >= this.#capacity;
  }

  /** True: the session has a place now (or had one). False: it waits; `onGranted` is called when it has one. */
  enter(waiter: Waiter): boolean {
    if (this.#holders.has(waiter.sessionId)) return true;
    if (!this.isFull && this.#waiting.length === 0) {
      this.#holders.add(waiter.sessionId);
      return true;
    }
    if (!this.#waiting.some((other) => other.sessionId === waiter.sessionId)) {
      this.#waiting.push(waiter);
      this.#parkIdlest();
      waiter.onPosition(this.#waiting.length);
    }
    return false;
  }

  /** The session's child is gone, or it does not want a place any more. */
  leave(sessionId: SessionId): void {
    this.#holders.delete(sessionId);
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((waiter) => waiter.sessionId !== sessionId);
    const granted: Waiter[] = [];
    while (!this.isFull && this.#waiting.length > 0) {
      const [next] = this.#waiting.splice(0, 1);
      if (next === undefined) break;
      this.#holders.add(next.sessionId);
      granted.push(next);
    }
    for (const waiter of granted) waiter.onGranted();
    if (this.#waiting.length < before) {
      for (const [index, waiter] of this.#waiting.entries()) waiter.onPosition(index + 1);
    }
  }

  /** A child has become idle: if somebody waits, it may be parked. */
  idle(): void {
    if (this.#waiting.length > 0) this.#parkIdlest();
  }
}
