/** Lets at most `limit` cold starts run at a time; the others wait in order. A cold start costs about a core. */
export interface ColdStarts {
  /** Runs `start` when a slot is free. The slot is given back when its promise settles. */
  run<T>(start: () => Promise<T>): Promise<T>;
}

export function createColdStarts(limit: number): ColdStarts {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    run: async (start) => {
      if (running >= limit) await new Promise<void>((resolve) => void waiting.push(resolve));
      else running += 1;
      try {
        return await start();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}
