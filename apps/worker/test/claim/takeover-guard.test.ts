import { describe, expect, it } from 'vitest';
import { TakeoverGuard } from '../../src/claim/takeover-guard.ts';

function beating(from: number, to: number, runId = 'r1'): TakeoverGuard {
  const guard = new TakeoverGuard();
  for (let now = from; now <= to; now += 2_000) guard.beat(now, runId);
  return guard;
}

describe('the takeover guard', () => {
  it('lets sessions be seized while heartbeats come regularly', () => {
    expect(beating(0, 10_000).maySeize(10_500, 'r1')).toBe(true);
  });

  it('seizes nothing before the first heartbeat, nor while Redis does not answer', () => {
    expect(new TakeoverGuard().maySeize(1, 'r1')).toBe(false);
    expect(beating(0, 10_000).maySeize(16_000, 'r1')).toBe(false);
  });

  it('gives the others time to beat again after an outage [E-01]', () => {
    const guard = beating(0, 10_000);
    guard.beat(40_000, 'r1');
    expect(guard.maySeize(40_500, 'r1')).toBe(false);
    for (let now = 42_000; now <= 50_000; now += 2_000) guard.beat(now, 'r1');
    expect(guard.maySeize(50_100, 'r1')).toBe(true);
  });

  it('does the same after a restart of Redis that was too short to miss a beat', () => {
    const guard = beating(0, 10_000);
    guard.beat(12_000, 'r2');
    expect(guard.maySeize(12_100, 'r2')).toBe(false);
    for (let now = 14_000; now <= 22_000; now += 2_000) guard.beat(now, 'r2');
    expect(guard.maySeize(22_100, 'r2')).toBe(true);
  });

  it.each([3_600_000, -3_600_000])(
    'gives the others time to beat again after the clock of Redis was put by %d ms',
    (step) => {
      const guard = new TakeoverGuard();
      for (let now = 0; now <= 10_000; now += 2_000) guard.beat(now, 'r1', 500 + (now % 4_000) / 100);
      expect([guard.maySeize(10_100, 'r1'), guard.isSteady(510), guard.isSteady(510 + step)]).toEqual([
        true,
        true,
        false,
      ]);
      guard.beat(12_000, 'r1', 500 + step);
      expect(guard.maySeize(12_100, 'r1')).toBe(false);
      for (let now = 14_000; now <= 22_000; now += 2_000) guard.beat(now, 'r1', 500 + step);
      expect(guard.maySeize(22_100, 'r1')).toBe(true);
    },
  );

  it('believes nothing of a server that took the place of the one it beat on, before it has beaten there [E-01]', () => {
    const guard = beating(0, 10_000);
    expect(guard.maySeize(10_100, null)).toBe(false);
    expect(guard.maySeize(10_100, 'r2')).toBe(false);
    // Connected again, but not known yet to which server: if it is the same one, nothing has changed.
    guard.beat(12_000, null);
    expect(guard.maySeize(12_100, null)).toBe(false);
    expect(guard.maySeize(12_100, 'r1')).toBe(true);
  });
});
