import { describe, expect, it } from 'vitest';
import {
  judgeLag,
  nextFollowerState,
  type FollowerEvent,
  type FollowerState,
  type Lag,
} from '../../src/feed/follower-state.ts';

const lag: Lag = {
  sinceMs: 5,
  hubBytesAtStart: 100,
  caughtUpBytes: 0,
  checked: { atMs: 5, behindBytes: null },
};
const states: Record<FollowerState['kind'], FollowerState> = {
  replaying: { kind: 'replaying' },
  live: { kind: 'live' },
  lagging: { kind: 'lagging', lag },
  closed: { kind: 'closed' },
};
const events: Record<FollowerEvent['kind'], FollowerEvent> = {
  head_reached: { kind: 'head_reached' },
  hole_seen: { kind: 'hole_seen' },
  connection_full: { kind: 'connection_full', nowMs: 5, hubBytes: 100 },
  page_sent: { kind: 'page_sent', bytes: 7 },
  closed: { kind: 'closed' },
};
const table: Record<FollowerState['kind'], Record<FollowerEvent['kind'], FollowerState['kind']>> = {
  replaying: {
    head_reached: 'live',
    hole_seen: 'replaying',
    connection_full: 'replaying',
    page_sent: 'replaying',
    closed: 'closed',
  },
  live: {
    head_reached: 'live',
    hole_seen: 'replaying',
    connection_full: 'lagging',
    page_sent: 'live',
    closed: 'closed',
  },
  lagging: {
    head_reached: 'live',
    hole_seen: 'lagging',
    connection_full: 'lagging',
    page_sent: 'lagging',
    closed: 'closed',
  },
  closed: {
    head_reached: 'closed',
    hole_seen: 'closed',
    connection_full: 'closed',
    page_sent: 'closed',
    closed: 'closed',
  },
};

describe('a follower', () => {
  const rows = Object.values(states).flatMap((state) =>
    Object.values(events).map((event) => ({ state, event })),
  );
  it.each(rows)('that is $state.kind is next as the table says after $event.kind', ({ state, event }) => {
    expect(nextFollowerState(state, event).kind).toBe(table[state.kind][event.kind]);
  });

  it('that lags counts what it caught up with', () => {
    const once = nextFollowerState(states.lagging, { kind: 'page_sent', bytes: 7 });
    const twice = nextFollowerState(once, { kind: 'page_sent', bytes: 8 });
    expect(twice).toEqual({ kind: 'lagging', lag: { ...lag, caughtUpBytes: 15 } });
  });
});

describe('a lag', () => {
  const MB = 1024 * 1024;

  it('of more than 30 s is hopeless', () => {
    expect(judgeLag(lag, { nowMs: 30_005, hubBytes: 100 }).hopeless).toBe(false);
    expect(judgeLag(lag, { nowMs: 30_006, hubBytes: 100 }).hopeless).toBe(true);
  });

  it('of more than 4 MB that does not shrink from one look to the next is hopeless', () => {
    const first = judgeLag(lag, { nowMs: 5_005, hubBytes: 100 + 5 * MB });
    expect(first).toEqual({
      hopeless: false,
      lag: { ...lag, checked: { atMs: 5_005, behindBytes: 5 * MB } },
    });
    expect(judgeLag(first.lag, { nowMs: 9_000, hubBytes: 100 + 9 * MB }).hopeless).toBe(false);
    expect(judgeLag(first.lag, { nowMs: 10_005, hubBytes: 100 + 5 * MB }).hopeless).toBe(true);
  });

  it('that shrinks, or is small, gets its time', () => {
    const looked = { ...lag, caughtUpBytes: 2 * MB, checked: { atMs: 5, behindBytes: 6 * MB } };
    expect(judgeLag(looked, { nowMs: 5_005, hubBytes: 100 + 7 * MB }).hopeless).toBe(false);
    const small = { ...lag, checked: { atMs: 5, behindBytes: 1 } };
    expect(judgeLag(small, { nowMs: 5_005, hubBytes: 100 + 4 * MB }).hopeless).toBe(false);
  });
});
