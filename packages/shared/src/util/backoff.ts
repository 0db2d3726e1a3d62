/**
 * Full-jitter exponential backoff: a uniformly random delay below a doubling, capped bound.
 * Spreads reconnecting peers out so that they do not return as one herd.
 */
export function fullJitterBackoff(options: {
  /** 0 for the first retry. */
  readonly attempt: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** Source of uniform numbers in [0, 1); passed in so that tests are exact. */
  readonly random: () => number;
}): number {
  const bound = Math.min(options.capMs, options.baseMs * 2 ** Math.min(options.attempt, 30));
  return Math.floor(options.random() * bound);
}
