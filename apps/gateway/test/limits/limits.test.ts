import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSlots } from '../../src/limits/slots.ts';
import { fullBucket, takeToken, type BucketRule } from '../../src/limits/token-bucket.ts';

describe('a token bucket', () => {
  const rule: BucketRule = { capacity: 3, perSecond: 2 };
  const takeAll = (times: readonly number[]): boolean[] => {
    let bucket = fullBucket(rule, 0);
    return times.map((atMs) => {
      const result = takeToken(bucket, rule, atMs);
      bucket = result.bucket;
      return result.taken;
    });
  };

  it('gives its capacity at once, then as much as time brings', () => {
    expect(takeAll([0, 0, 0, 0, 499, 500, 500, 1_000])).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  it('fills up to its capacity and no further, and does not mind a clock that stands still', () => {
    expect(takeAll([0, 0, 0, 60_000, 60_000, 60_000, 60_000])).toEqual([
      true,
      true,
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it('never gives more than its capacity and what the time since then brought', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2_000), { maxLength: 60 }), (times) => {
        const sorted = times.toSorted((a, b) => a - b);
        const given = takeAll(sorted).filter(Boolean).length;
        expect(given).toBeLessThanOrEqual(rule.capacity + ((sorted.at(-1) ?? 0) / 1_000) * rule.perSecond);
      }),
    );
  });
});

describe('slots', () => {
  it('run so many at once and the others in order, also when one fails', async () => {
    const slots = createSlots(2);
    let running = 0;
    let most = 0;
    const started: number[] = [];
    const work = async (index: number): Promise<void> => {
      started.push(index);
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (index === 1) throw new Error('one fails');
    };
    const results = await Promise.allSettled(
      Array.from({ length: 7 }, async (_, index) => slots.run(async () => work(index))),
    );
    expect(results.map((result) => result.status)).toEqual(
      Array.from({ length: 7 }, (_, index) => (index === 1 ? 'rejected' : 'fulfilled')),
    );
    expect([most, started]).toEqual([2, [0, 1, 2, 3, 4, 5, 6]]);
  });
});
