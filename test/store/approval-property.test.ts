// Approvals: whatever is asked, decided, expired, withdrawn, lost and taken over in whatever order, one outcome.
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Redis } from '@holdfast/shared/store';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { checkInterleaving, happenings } from './approval-interleavings.ts';

let server: TestRedis;
let redises: [Redis, Redis];
beforeAll(async () => {
  server = await startRedis();
  redises = [server.connect(), server.connect()];
});
afterAll(async () => server[Symbol.asyncDispose]());

describe('approvals', () => {
  it('have one outcome, the same everywhere, over 400 interleavings [F-04] [F-05] [F-10]', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(happenings, async (steps) => {
        const { outcomes, results } = await checkInterleaving(redises, steps);
        for (const outcome of outcomes) seen.add(outcome);
        for (const result of results) seen.add(`told ${result}`);
      }),
      { numRuns: 400 },
    );
    expect([...seen].toSorted()).toEqual([
      ...['allowed', 'cancelled', 'denied', 'expired', 'lost'],
      ...['told accepted', 'told decided', 'told duplicate', 'told expired', 'told lost', 'told not_pending'],
    ]);
  });
});
