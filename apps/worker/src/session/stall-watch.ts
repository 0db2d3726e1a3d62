// Notices when the CLI says nothing in a turn for a long time although nobody was asked for anything. One timer while a
// turn runs; decides nothing about the turn.
import type { EventBody, TurnId } from '@holdfast/shared/protocol';

export interface StallWatchDeps {
  /** Silence that counts as a stall; 0: none does. */
  readonly limitMs: number;
  /** The turn in flight. */
  readonly turnId: () => TurnId | null;
  /** An approval waits: the CLI has reason to be silent. */
  readonly isAsking: () => boolean;
  readonly push: (event: EventBody) => void;
}

/** Looks per limit: a silence is told at most this part of the limit too late. */
const LOOKS = 10;

export class StallWatch {
  readonly #deps: StallWatchDeps;
  #timer: NodeJS.Timeout | null = null;
  /** Since when there has been silence, ms of the monotonic clock. */
  #since = 0;
  #stalled: TurnId | null = null;

  constructor(deps: StallWatchDeps) {
    this.#deps = deps;
  }

  /** The CLI said something, or was given a prompt. */
  heard(): void {
    this.#since = performance.now();
    const turnId = this.#deps.turnId();
    if (this.#stalled !== null && this.#stalled === turnId) this.#deps.push({ type: 'turn_resumed', turnId });
    this.#stalled = null;
    if (turnId === null || this.#timer !== null || this.#deps.limitMs === 0) return;
    this.#timer = setInterval(() => this.#look(), Math.max(1, this.#deps.limitMs / LOOKS));
    this.#timer.unref();
  }

  #look(): void {
    const turnId = this.#deps.turnId();
    if (turnId === null) {
      if (this.#timer !== null) clearInterval(this.#timer);
      this.#timer = null;
      this.#stalled = null;
      return;
    }
    if (this.#deps.isAsking()) {
      this.#since = performance.now();
      return;
    }
    const silentMs = Math.round(performance.now() - this.#since);
    if (silentMs < this.#deps.limitMs || this.#stalled === turnId) return;
    this.#stalled = turnId;
    this.#deps.push({ type: 'turn_stalled', turnId, silentMs });
  }
}
