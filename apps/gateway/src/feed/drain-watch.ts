// Waits for full connections to drain, with one timer for all of them that runs only while there are any.

/** Looked at often enough that a fast reader is not slowed down, seldom enough to cost nothing. */
const LOOK_EVERY_MS = 20;

export interface Draining {
  /** Whether there is room again (or nothing to wait for any more). */
  hasRoom(): boolean;
}

export class DrainWatch {
  readonly #waiting = new Map<Draining, () => void>();
  #timer: NodeJS.Timeout | undefined;

  /** Resolves when `draining` has room. One wait for each at a time. */
  async wait(draining: Draining): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.set(draining, resolve);
      this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    });
  }

  #look(): void {
    for (const [draining, resolve] of this.#waiting) {
      if (!draining.hasRoom()) continue;
      this.#waiting.delete(draining);
      resolve();
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
