// How long to wait before a child that keeps ending is started again. Pure.

/** The first restart comes at once; after that the pause doubles up to half a minute. */
const FIRST_MS = 500;
const LONGEST_MS = 30_000;

export class RestartPause {
  #failures = 0;

  /** A child ended although nobody asked for it. Returns how long to wait before the next start, in ms. */
  failed(): number {
    this.#failures += 1;
    return this.#failures < 2 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** (this.#failures - 2));
  }

  /** A turn came to its end: the child is well. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** How many children in a row ended by themselves. */
  get failures(): number {
    return this.#failures;
  }
}
