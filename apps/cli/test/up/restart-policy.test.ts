import { describe, expect, it } from 'vitest';
import { afterDeath, NO_DEATHS } from '../../src/up/parts/restart-policy.ts';

function delaysOf(runs: readonly number[]): { delayMs: number; isCrashLoop: boolean }[] {
  let history = NO_DEATHS;
  return runs.map((ranMs) => {
    const next = afterDeath(history, ranMs);
    history = next.history;
    return { delayMs: next.delayMs, isCrashLoop: next.isCrashLoop };
  });
}

describe('restarting a part', () => {
  it('waits twice as long after each death in a row, never longer than 15 s', () => {
    const delays = delaysOf(Array.from({ length: 9 }, () => 10)).map(({ delayMs }) => delayMs);
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  it('calls it a crash loop from the third death in a row on', () => {
    expect(delaysOf([10, 10, 10]).map(({ isCrashLoop }) => isCrashLoop)).toEqual([false, false, true]);
  });

  it('starts from the beginning after a minute of health', () => {
    expect(delaysOf([10, 10, 60_000]).at(-1)).toEqual({ delayMs: 250, isCrashLoop: false });
  });
});
