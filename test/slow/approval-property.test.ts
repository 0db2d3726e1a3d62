// The interleavings of test/store/approval-property.test.ts, many more of them.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { startRedis } from '../support/redis.ts';
import { checkInterleaving, happenings } from '../store/approval-interleavings.ts';

const RUNS = 3_000;

it(`approvals have one outcome over ${RUNS} interleavings of answers, expiry, abort and takeover [F-04]`, async () => {
  await using server = await startRedis();
  const redises = [server.connect(), server.connect()] as const;
  let approvals = 0;
  await fc.assert(
    fc.asyncProperty(happenings, async (steps) => {
      approvals += (await checkInterleaving(redises, steps)).outcomes.length;
    }),
    { numRuns: RUNS },
  );
  expect(approvals).toBeGreaterThan(RUNS);
});
