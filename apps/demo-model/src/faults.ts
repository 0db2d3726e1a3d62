// Counts the faults that a script wants only the first n times. The only state outside the conversation.
import { hash } from 'node:crypto';

const maxKeys = 10_000;

/** Bounded counters; the oldest is forgotten first. */
export interface FaultCounters {
  /** True for the first `times` calls with this key; always true without a limit, which counts nothing. */
  happens(key: string, times: number | undefined): boolean;
  /** Starts the count of this key anew, so that the same prompt sent again later meets the same faults. */
  forget(key: string): void;
}

export function createFaultCounters(): FaultCounters {
  const counts = new Map<string, number>();
  return {
    happens(longKey, times) {
      if (times === undefined) return true;
      const key = shorten(longKey);
      const seen = counts.get(key) ?? 0;
      if (seen >= times) return false;
      counts.delete(key); // set again below as the newest
      counts.set(key, seen + 1);
      if (counts.size > maxKeys) {
        const oldest = counts.keys().next();
        if (!oldest.done) counts.delete(oldest.value);
      }
      return true;
    },
    forget: (key) => void (counts.size > 0 && counts.delete(shorten(key))),
  };
}

/** Keys hold whole prompts, which may be megabytes. */
const shorten = (key: string): string => hash('sha256', key);
