// 10,000 idle sessions beside a gateway and a worker: what they add to the work of Redis.
import { expect, it } from 'vitest';
import { measureIdleCost } from '../bench/ownership/idle-cost.ts';

it('10,000 known idle sessions add less than 0.5 Redis commands per second, no connection and no subscription [E-07]', async () => {
  const cost = await measureIdleCost({ sessions: 10_000, windowMs: 30_000 });
  expect(cost.without).toBeGreaterThan(0.5);
  expect(cost.with - cost.without).toBeLessThan(0.5);
  expect(cost.connectionsWith).toBe(cost.connectionsWithout);
});
