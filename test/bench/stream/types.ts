// What the benchmark's processes say to each other.

/** Ways from a producer to a client. `limit` is bare ws + pub/sub; `socketio` and `resumable` are peers. */
export type Lane = 'holdfast' | 'limit' | 'socketio' | 'resumable';

/** A session as a client must know it to follow it from where it stands. */
export interface SessionRef {
  readonly id: string;
  /** Empty where a lane has none. */
  readonly epoch: string;
  readonly offset: number;
  /** How many events of the benchmark the session has: they are numbered from 1. */
  readonly count: number;
}

/** Some of a lane's sessions. */
export interface SessionRange {
  readonly lane: Lane;
  readonly first: number;
  readonly count: number;
}

/** How events are spread: a window of `active` neighbouring sessions slides over the range. */
export interface LoadShape extends SessionRange {
  readonly active: number;
  /** Bytes of a stored frame. */
  readonly size: number;
  readonly durationMs: number;
}

export interface RedisPlace {
  readonly url: string;
  readonly password: string;
}
