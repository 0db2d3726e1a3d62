// How far one follower of a session is. Pure.
//
//   replaying --reached the head--> live --connection is full--> lagging --reached the head--> live
//   live --a hole or another epoch--> replaying          any --closed--> closed
//
// Only a live follower takes messages as they come; the others read the log until they have reached its head.

export type FollowerState =
  | { readonly kind: 'replaying' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lagging'; readonly lag: Lag }
  | { readonly kind: 'closed' };

/** What is known about a connection that does not keep up. */
export interface Lag {
  readonly sinceMs: number;
  /** Bytes the hub had published when it began. */
  readonly hubBytesAtStart: number;
  /** Bytes of stored frames caught up with since then. */
  readonly caughtUpBytes: number;
  /** The look before: when, and how far behind it was (null at the first). */
  readonly checked: { readonly atMs: number; readonly behindBytes: number | null };
}

export type FollowerEvent =
  | { readonly kind: 'head_reached' }
  | { readonly kind: 'hole_seen' }
  | { readonly kind: 'connection_full'; readonly nowMs: number; readonly hubBytes: number }
  | { readonly kind: 'page_sent'; readonly bytes: number }
  | { readonly kind: 'closed' };

export function nextFollowerState(state: FollowerState, event: FollowerEvent): FollowerState {
  if (state.kind === 'closed') return state;
  switch (event.kind) {
    case 'closed':
      return { kind: 'closed' };
    case 'head_reached':
      return { kind: 'live' };
    case 'hole_seen':
      return state.kind === 'live' ? { kind: 'replaying' } : state;
    case 'connection_full':
      return state.kind === 'live' ? { kind: 'lagging', lag: newLag(event) } : state;
    case 'page_sent':
      return state.kind === 'lagging' ? withCaughtUp(state.lag, event.bytes) : state;
  }
}

function newLag(event: { readonly nowMs: number; readonly hubBytes: number }): Lag {
  const { nowMs, hubBytes } = event;
  const checked = { atMs: nowMs, behindBytes: null };
  return { sinceMs: nowMs, hubBytesAtStart: hubBytes, caughtUpBytes: 0, checked };
}

function withCaughtUp(lag: Lag, bytes: number): FollowerState {
  return { kind: 'lagging', lag: { ...lag, caughtUpBytes: lag.caughtUpBytes + bytes } };
}

/** A connection that was slow for this long will hardly recover; shorter closes phones in a tunnel. */
export const MAX_LAG_MS = 30_000;
/** Behind by more than this and not gaining: the client is better off with a snapshot. */
const MAX_BEHIND_BYTES = 4 * 1024 * 1024;
const CHECK_EVERY_MS = 5_000;

/** Whether a lagging connection should be closed, and the state with this look noted. */
export function judgeLag(
  lag: Lag,
  now: { readonly nowMs: number; readonly hubBytes: number },
): { readonly hopeless: boolean; readonly lag: Lag } {
  if (now.nowMs - lag.sinceMs > MAX_LAG_MS) return { hopeless: true, lag };
  if (now.nowMs - lag.checked.atMs < CHECK_EVERY_MS) return { hopeless: false, lag };
  const behindBytes = now.hubBytes - lag.hubBytesAtStart - lag.caughtUpBytes;
  const before = lag.checked.behindBytes;
  const hopeless = behindBytes > MAX_BEHIND_BYTES && before !== null && behindBytes >= before;
  return { hopeless, lag: { ...lag, checked: { atMs: now.nowMs, behindBytes } } };
}
