import { expect, it } from 'vitest';
import { misses } from '../bars.ts';
import { brief, median, medianRatio, quantile } from '../numbers.ts';

it('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(quantile([10, 20, 30], 1)).toBe(30);
  expect(quantile([10, 20, 30], 0.75)).toBe(25);
  expect(median([])).toBeNaN();
});

it('rounds are compared pair by pair, so that a slow round slows both sides', () => {
  expect(medianRatio([2, 20, 200], [1, 10, 100])).toBe(2);
});

it('a bar is missed beyond its limit, and by what could not be measured', () => {
  expect(misses({ atMost: 1.25 }, 1.25)).toBe(false);
  expect(misses({ atMost: 1.25 }, 1.26)).toBe(true);
  expect(misses({ atLeast: 10 }, 9.9)).toBe(true);
  expect(misses({ atLeast: 10 }, Number.NaN)).toBe(true);
});

it('numbers for people have three significant digits', () => {
  expect([brief(0.123_4), brief(12.345), brief(17_550.4), brief(Number.NaN)]).toEqual([
    '0.123',
    '12.3',
    '17 550',
    '-',
  ]);
});
