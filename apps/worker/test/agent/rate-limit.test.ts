import { describe, expect, it } from 'vitest';
import { rateLimitNotice } from '../../src/agent/rate-limit.ts';
import { play } from './mapping.ts';

describe('the limits of an account [H-02]', () => {
  it('are told with type, percent and reset, in a recorded line', () => {
    expect(play('rateLimit').events).toEqual([
      {
        type: 'notice',
        kind: 'rate_limit',
        text: '93 % of the five-hour limit is used. It resets at 2026-11-22 10:28 UTC.',
        data: {
          ...{ status: 'allowed_warning', limit: 'five_hour', percent: 93 },
          ...{ resetsAt: 1_795_343_326_000, isUsingOverage: false },
        },
      },
    ]);
  });

  it.each([
    [{ status: 'rejected', rateLimitType: 'seven_day' }, 'The seven-day limit is reached.'],
    [{ status: 'rejected' }, 'The usage limit is reached.'],
    [{ status: 'allowed', rateLimitType: 'five_hour' }, 'The five-hour limit is allowed.'],
    [{ status: 'allowed_warning', utilization: 0.5 }, '50 % of the usage limit is used.'],
    [{ status: 'rejected', resetsAt: 1e300 }, 'The usage limit is reached. It resets at 1e+303.'],
  ])('%j reads "%s"', (limit, text) => {
    expect(rateLimitNotice(limit).text).toBe(text);
  });
});
