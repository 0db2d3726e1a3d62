import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKeepalive, lookAt } from '../../src/ws/keepalive.ts';

const connection = (heardAtMs: number) => ({
  heardAtMs,
  ping: vi.fn<() => void>(),
  lost: vi.fn<() => void>(),
});

describe('a look at a connection', () => {
  it.each([
    { silentMs: 17_000, pings: 0, losses: 0 },
    { silentMs: 17_001, pings: 1, losses: 0 },
    { silentMs: 25_000, pings: 1, losses: 0 },
    { silentMs: 25_001, pings: 0, losses: 1 },
  ])(
    'after $silentMs ms of silence pings $pings times, gives up $losses times',
    ({ silentMs, pings, losses }) => {
      const one = connection(1_000);
      lookAt(one, 1_000 + silentMs);
      expect([one.ping.mock.calls.length, one.lost.mock.calls.length]).toEqual([pings, losses]);
    },
  );
});

describe('the keepalive', () => {
  let nowMs = 0;
  beforeEach(() => {
    nowMs = 0;
    vi.useFakeTimers();
  });
  afterEach(() => vi.useRealTimers());
  const pass = (seconds: number): void => {
    for (let second = 0; second < seconds; second += 1) {
      nowMs += 1_000;
      vi.advanceTimersByTime(1_000);
    }
  };

  it('gives every silent connection up within 30 s, whichever slot it is in [D-10]', () => {
    const keepalive = createKeepalive(() => nowMs);
    const all = Array.from({ length: 12 }, () => connection(0));
    for (const one of all) keepalive.add(one);
    pass(25);
    for (const one of all) expect(one.lost).not.toHaveBeenCalled();
    pass(5);
    for (const one of all) expect(one.lost).toHaveBeenCalledTimes(1);
    keepalive.close();
  });

  it('leaves one that was removed alone', () => {
    const keepalive = createKeepalive(() => nowMs);
    const one = connection(0);
    keepalive.add(one);
    keepalive.remove(one);
    pass(60);
    expect([one.ping.mock.calls.length, one.lost.mock.calls.length]).toEqual([0, 0]);
    keepalive.close();
  });
});
