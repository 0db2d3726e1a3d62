// Counts the faults that a script wants only the first n times. The only state outside the conversation.

const maxKeys = 10_000;

/** Bounded counters; the oldest is forgotten first. */
export interface FaultCounters {
  /**
   * True for the first `times` calls with this key; always true without a limit. The call after those is false
   * and starts the count anew, so that the same prompt sent again later meets the same faults.
   */
  happens(key: string, times: number | undefined): boolean;
  /** Starts the count of this key anew: a call got through in another way. */
  pass(key: string): void;
}

export function createFaultCounters(): FaultCounters {
  const counts = new Map<string, number>();
  return {
    happens(key, times) {
      if (times === undefined) return true;
      const seen = counts.get(key) ?? 0;
      counts.delete(key);
      if (seen >= times) return false;
      counts.set(key, seen + 1);
      if (counts.size > maxKeys) {
        const oldest = counts.keys().next();
        if (!oldest.done) counts.delete(oldest.value);
      }
      return true;
    },
    pass: (key) => void counts.delete(key),
  };
}
