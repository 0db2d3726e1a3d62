// After a Redis outage all leases look expired at once, although their workers live and are only reconnecting.
// This says when it is safe again to take sessions from workers that seem dead. Pure.

/** Others beat every 2 s: after this long without an outage, whoever has not beaten is dead. */
const SETTLE_MS = 10_000;
/** A gap between our own heartbeats that is longer than this is an outage, not a slow machine. */
const OUTAGE_MS = 5_000;

/** More than an answer may be late, less than makes a living worker look dead. */
const CLOCK_STEP_MS = 3_000;

export class TakeoverGuard {
  #lastBeat: number | null = null;
  #lastRunId: string | null = null;
  #clockOffset: number | null = null;
  #safeFrom = 0;

  /**
   * A heartbeat of ours succeeded at `now` (ms, monotonic), on the Redis run `runId` (null: not known yet), whose clock
   * is ours plus `clockOffset`. A clock that was put forward makes all workers look dead until they have beaten.
   */
  beat(now: number, runId: string | null, clockOffset: number | null = null): void {
    const isStepped = !this.isSteady(clockOffset);
    this.#clockOffset = clockOffset;
    const isOutage = this.#lastBeat !== null && now - this.#lastBeat > OUTAGE_MS;
    const isRestart = this.#lastRunId !== null && runId !== null && this.#lastRunId !== runId;
    if (isOutage || isRestart || isStepped) this.#safeFrom = now + SETTLE_MS;
    this.#lastBeat = now;
    this.#lastRunId = runId ?? this.#lastRunId;
  }

  /** Whether the clock of Redis, ours plus `clockOffset` by now, went on as ours since the last heartbeat. */
  isSteady(clockOffset: number | null): boolean {
    const before = this.#clockOffset;
    return before === null || clockOffset === null || Math.abs(clockOffset - before) < CLOCK_STEP_MS;
  }

  /**
   * Whether a dead-looking worker may be believed dead at `now`: we hear Redis, and have for long enough; and it is
   * the Redis of our last heartbeat (`runId`), not one that has just taken its place.
   */
  maySeize(now: number, runId: string | null): boolean {
    if (this.#lastBeat === null || runId === null || runId !== this.#lastRunId) return false;
    return now - this.#lastBeat <= OUTAGE_MS && now >= this.#safeFrom;
  }
}
