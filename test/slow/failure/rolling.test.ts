// A rolling replacement of both tiers under load: people go on working and are shown no error.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fleet } from '../../failure/support/fleet.ts';
import { rollOver } from '../../failure/support/rollout.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start({ gateways: 2, workers: 2 });
});
afterAll(async () => fleet[Symbol.asyncDispose]());

describe('every gateway and every worker replaced under load', () => {
  it('one after the other loses and doubles nothing, and nobody is shown an error [E-05]', async () => {
    const outcome = await rollOver(fleet, { people: 2, written: 2, rounds: 1 });
    expect(outcome.shown).toEqual([]);
    for (const verdict of outcome.verdicts) expect(verdict).toMatchObject(NOTHING_WRONG);
    expect(outcome.exits).toEqual(outcome.exits.map(() => ({ code: 0, signal: null })));
    expect(outcome.exits).toHaveLength(4);
    expect(outcome.reconnects).toBeGreaterThan(0);
    expect(outcome.owners).toBeGreaterThan(outcome.people);
  });
});
