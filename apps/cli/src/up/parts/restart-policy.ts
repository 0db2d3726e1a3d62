// When a part that died starts again: at once the first time, then ever later while it keeps dying.

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 15_000;

/** A part that ran this long is healthy: the next death counts as the first again. */
const HEALTHY_AFTER_MS = 60_000;

/** From this many deaths in a row on, the message says where the log is. */
const CRASH_LOOP_DEATHS = 3;

/** How often in a row the part has died; kept by the caller between deaths. */
export interface RestartHistory {
  readonly deaths: number;
}

export const NO_DEATHS: RestartHistory = { deaths: 0 };

/** What to do after a death of a part that had run for `ranMs`. */
export function afterDeath(
  history: RestartHistory,
  ranMs: number,
): { readonly history: RestartHistory; readonly delayMs: number; readonly isCrashLoop: boolean } {
  const deaths = ranMs >= HEALTHY_AFTER_MS ? 1 : history.deaths + 1;
  return {
    history: { deaths },
    delayMs: Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(deaths - 1, 10)),
    isCrashLoop: deaths >= CRASH_LOOP_DEATHS,
  };
}
