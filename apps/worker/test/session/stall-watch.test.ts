import { mintTurnId, type EventBody } from '@holdfast/shared/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StallWatch } from '../../src/session/stall-watch.ts';

const turnId = mintTurnId();
let events: EventBody[];
let running: typeof turnId | null;
let isAsking: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  [events, running, isAsking] = [[], turnId, false];
});
afterEach(() => {
  vi.useRealTimers();
});

const watch = (limitMs = 60_000): StallWatch =>
  new StallWatch({
    limitMs,
    turnId: () => running,
    isAsking: () => isAsking,
    push: (event) => events.push(event),
  });

describe('silence of the agent [H-06]', () => {
  it('is told once when it has lasted for the limit, and its end too', () => {
    const stall = watch();
    stall.heard();
    vi.advanceTimersByTime(59_000);
    expect(events).toEqual([]);
    vi.advanceTimersByTime(120_000);
    expect(events).toEqual([{ type: 'turn_stalled', turnId, silentMs: 60_000 }]);
    stall.heard();
    expect(events.slice(1)).toEqual([{ type: 'turn_resumed', turnId }]);
    stall.heard();
    expect(events).toHaveLength(2);
  });

  it('counts from the last word', () => {
    const stall = watch();
    for (let word = 0; word < 10; word += 1) {
      stall.heard();
      vi.advanceTimersByTime(50_000);
    }
    expect(events).toEqual([]);
    vi.advanceTimersByTime(20_000);
    expect(events).toMatchObject([{ type: 'turn_stalled' }]);
  });

  it('is never told while an approval waits, and counts anew from its answer', () => {
    const stall = watch();
    stall.heard();
    isAsking = true;
    vi.advanceTimersByTime(3_600_000);
    expect(events).toEqual([]);
    isAsking = false;
    vi.advanceTimersByTime(54_000);
    expect(events).toEqual([]);
    vi.advanceTimersByTime(6_000);
    expect(events).toMatchObject([{ type: 'turn_stalled', silentMs: 60_000 }]);
  });

  it('means nothing between turns, and the next turn starts anew', () => {
    const stall = watch();
    stall.heard();
    running = null;
    vi.advanceTimersByTime(600_000);
    expect([events, vi.getTimerCount()]).toEqual([[], 0]);
    running = turnId;
    stall.heard();
    vi.advanceTimersByTime(60_000);
    expect(events).toMatchObject([{ type: 'turn_stalled' }]);
    running = null;
    vi.advanceTimersByTime(6_000);
    stall.heard();
    expect(events).toHaveLength(1);
  });

  it('is never told with a limit of 0', () => {
    watch(0).heard();
    expect(vi.getTimerCount()).toBe(0);
  });
});
