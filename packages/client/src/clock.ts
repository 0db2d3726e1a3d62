// Time as the client sees it; tests pass their own.

/** Milliseconds since 1970 that never run backwards, and one-shot timers. */
export interface Clock {
  readonly now: () => number;
  /** Runs `run` once after `delayMs`; the returned function takes it back. */
  readonly schedule: (delayMs: number, run: () => void) => () => void;
}

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  schedule: (delayMs, run) => {
    const timer = setTimeout(run, Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};
