// After a Redis outage all leases look expired at once, although their workers live and are only reconnecting.
// This says when it is safe again to take sessions from workers that seem dead. Pure.

/** Others beat every 2 s: after this long without an outage, whoever has not beaten is dead. */
const SETTLE_MS = 10_000;
/** A gap between our own heartbeats that is longer than this is an outage, not a slow machine. */
const OUTAGE_MS = 5_000;

export class TakeoverGuard {
  #lastBeat: number | null = null;
  #lastRunId: string | null = null;
  #safeFrom = 0;

  /** A heartbeat of ours succeeded at `now` (ms, monotonic), on the Redis run `runId`. */
  beat(now: number, runId: string): void {
    const isOutage = this.#lastBeat !== null && now - this.#lastBeat > OUTAGE_MS;
    const isRestart = this.#lastRunId !== null && this.#lastRunId !== runId;
    if (isOutage || isRestart) this.#safeFrom = now + SETTLE_MS;
    this.#lastBeat = now;
    this.#lastRunId = runId;
  }

  /** Whether a dead-looking worker may be believed dead at `now`: we hear Redis, and have for long enough. */
  maySeize(now: number): boolean {
    return this.#lastBeat !== null && now - this.#lastBeat <= OUTAGE_MS && now >= this.#safeFrom;
  }
}
