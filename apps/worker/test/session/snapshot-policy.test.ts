import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SNAPSHOT_POLICY, SnapshotPolicy, type SnapshotLimits } from '../../src/session/snapshot-policy.ts';

const LIMITS: SnapshotLimits = { everyEvents: 10, everyBytes: 1_000, maxEvents: 30, maxBytes: 3_000 };

describe('when a snapshot is stored', () => {
  it('not inside a short turn', () => {
    const policy = new SnapshotPolicy(1, LIMITS);
    expect(policy.count({ first: 1, events: 9, bytes: 999, turnEnded: false })).toEqual({
      snapshot: false,
      trimBefore: undefined,
    });
  });

  it.each([
    ['enough events', { events: 10, bytes: 1, turnEnded: false }],
    ['enough bytes', { events: 1, bytes: 1_000, turnEnded: false }],
    ['the end of a turn', { events: 1, bytes: 1, turnEnded: true }],
  ])('with %s, and nothing is trimmed while the log is small', (_what, counted) => {
    const policy = new SnapshotPolicy(5, LIMITS);
    expect(policy.count({ first: 5, ...counted })).toEqual({ snapshot: true, trimBefore: undefined });
  });

  it('the log is trimmed by whole segments once it holds too much', () => {
    const policy = new SnapshotPolicy(1, LIMITS);
    const trims = [1, 11, 21, 31, 41].map(
      (first) => policy.count({ first, events: 10, bytes: 10, turnEnded: false }).trimBefore,
    );
    expect(trims).toEqual([undefined, undefined, undefined, 11, 21]);
  });

  it('what came last before a snapshot stays, however big it was', () => {
    const policy = new SnapshotPolicy(1, LIMITS);
    policy.count({ first: 1, events: 5, bytes: 5, turnEnded: true });
    expect(policy.count({ first: 6, events: 1, bytes: 100_000, turnEnded: false })).toEqual({
      snapshot: true,
      trimBefore: 6,
    });
  });
});

const batches = fc.array(
  fc.record({ events: fc.integer({ min: 1, max: 40 }), bytes: fc.nat(4_000), turnEnded: fc.boolean() }),
  { maxLength: 200 },
);

describe.each([
  ['small limits', LIMITS],
  ['the limits in use', SNAPSHOT_POLICY],
])('any batches under %s [D-03]', (_what, limits) => {
  it('a trim never passes the snapshot that is stored with it, never goes back, and bounds the log', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 1_000 }), (all, start) => {
        const policy = new SnapshotPolicy(start, limits);
        let first = start;
        let kept = start;
        for (const batch of all) {
          const { snapshot, trimBefore } = policy.count({ first, ...batch });
          const last = first + batch.events - 1;
          first = last + 1;
          if (trimBefore === undefined) continue;
          expect(snapshot).toBe(true);
          expect(trimBefore).toBeGreaterThan(kept);
          expect(trimBefore).toBeLessThanOrEqual(last);
          kept = trimBefore;
        }
        const oneSegment = limits.everyEvents + 40;
        expect(first - kept).toBeLessThanOrEqual(Math.max(limits.maxEvents, oneSegment) + oneSegment);
      }),
    );
  });
});
