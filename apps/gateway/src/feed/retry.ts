// Reads that must succeed in the end: Redis may be away for a while, and clients stay connected meanwhile.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@holdfast/shared/runtime';
import { fullJitterBackoff } from '@holdfast/shared/util';

/** Repeats failed work with growing pauses for as long as it is wanted; undefined when it no longer is. */
export type Retry = <T>(work: () => Promise<T>, isWanted: () => boolean) => Promise<T | undefined>;

export function createRetry(logger: Logger): Retry {
  return async (work, isWanted) => {
    for (let attempt = 0; isWanted(); attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (attempt === 0) logger.warn({ err: error }, 'reading a log failed; trying again');
      }
      const delayMs = fullJitterBackoff({ attempt, baseMs: 100, capMs: 1_000, random: Math.random });
      await pause(20 + delayMs, undefined, { ref: false });
    }
    return undefined;
  };
}
