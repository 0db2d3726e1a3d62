// Until when this worker may write: the deadline that Redis gave, held against our own clock, too. Pure.
//
//   none --beat--> held --beat in time--> held
//   held --beat after its end--> doubtful: somebody may have claimed our sessions, and a Redis that lost such a claim
//                                          does not know it
//   doubtful --every session confirmed or given up--> held

/** What Redis answered to a heartbeat. */
export interface BeatAnswer {
  /** When the lease ends, ms of Redis TIME. */
  readonly untilMs: number;
  /** Whether the lease was still ours and not over until this beat. */
  readonly isContinued: boolean;
}

interface Span {
  readonly untilMs: number;
  /** When it is over by our own clock. */
  readonly overAt: number;
}

type Term =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly span: Span }
  | { readonly kind: 'doubtful'; readonly span: Span };

export class LeaseTerm {
  readonly #leaseMs: number;
  readonly #now: () => number;
  #term: Term = { kind: 'none' };

  /** `now`: ms of a monotonic clock. */
  constructor(leaseMs: number, now: () => number) {
    this.#leaseMs = leaseMs;
    this.#now = now;
  }

  /** Ownership has to be confirmed before anything is written. */
  get isDoubtful(): boolean {
    return this.#term.kind === 'doubtful';
  }

  /** What to add to our own clock to get that of Redis, as of the last beat; null before the first. */
  get clockOffset(): number | null {
    return this.#term.kind === 'none' ? null : this.#term.span.untilMs - this.#term.span.overAt;
  }

  /** Until when appends may be made, ms of Redis TIME; 0 when none may be made now. */
  until(): number {
    const term = this.#term;
    return term.kind === 'held' && this.#now() < term.span.overAt ? term.span.untilMs : 0;
  }

  /** A beat that was sent at `sentAt` was answered. */
  beat(sentAt: number, { untilMs, isContinued }: BeatAnswer): void {
    const term = this.#term;
    const isInTime = term.kind === 'held' && isContinued && sentAt < term.span.overAt;
    const span = { untilMs, overAt: sentAt + this.#leaseMs };
    this.#term = { kind: term.kind === 'none' || isInTime ? 'held' : 'doubtful', span };
  }

  /** Every session that we had was confirmed or given up. */
  confirmed(): void {
    if (this.#term.kind === 'doubtful') this.#term = { kind: 'held', span: this.#term.span };
  }
}
