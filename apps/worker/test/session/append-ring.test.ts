import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/session/append-queue.ts';
import { AppendRing } from '../../src/session/append-ring.ts';

const batch = (first: number, frames: string[]): Batch => ({
  first,
  frames,
  events: [],
  effects: undefined,
  pushes: 1,
});

describe('the ring of appended batches', () => {
  it('gives the batches after a head, in order', () => {
    const ring = new AppendRing();
    ring.add(batch(1, ['a', 'b']));
    ring.add(batch(3, ['c']));
    ring.add(batch(4, ['d']));
    expect(ring.after(2)?.map((one) => one.first)).toEqual([3, 4]);
    expect(ring.after(0)?.map((one) => one.first)).toEqual([1, 3, 4]);
  });

  it('can not repair a head that lies inside a batch, behind the ring, or at its end', () => {
    const ring = new AppendRing();
    ring.add(batch(5, ['a', 'b']));
    expect(ring.after(5)).toBeNull();
    expect(ring.after(3)).toBeNull();
    expect(ring.after(6)).toBeNull();
  });

  it('is bounded in frames, and keeps the newest', () => {
    const ring = new AppendRing();
    for (let first = 1; first <= 3_000; first += 1) ring.add(batch(first, ['x']));
    expect(ring.after(999)).toBeNull();
    expect(ring.after(1_000)).toHaveLength(2_000);
  });

  it('is bounded in bytes, and keeps one batch however big', () => {
    const ring = new AppendRing();
    ring.add(batch(1, ['x'.repeat(600_000)]));
    ring.add(batch(2, ['x'.repeat(600_000)]));
    expect(ring.after(0)).toBeNull();
    ring.add(batch(3, ['x'.repeat(3_000_000)]));
    expect(ring.after(2)).toHaveLength(1);
    expect(ring.after(1)).toBeNull();
  });
});
