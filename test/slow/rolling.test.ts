// Rolling replacements of both tiers under more load and for longer than the fast tier has time for.
import { describe, expect, it } from 'vitest';
import { NOTHING_WRONG } from '../failure/support/expect.ts';
import { Fleet } from '../failure/support/fleet.ts';
import { rollOver } from '../failure/support/rollout.ts';

const ROUNDS = 5;

describe('replacing everything again and again under load', () => {
  it('loses and doubles nothing, and nobody is shown an error [E-05]', async () => {
    await using fleet = await Fleet.start({ gateways: 2, workers: 3 });
    const outcome = await rollOver(fleet, { people: 4, written: 6, rounds: ROUNDS });
    const { shown, verdicts, exits, reconnects, owners, prompts, slowestMs } = outcome;
    const delivered = verdicts.reduce((sum, verdict) => sum + verdict.stats.delivered, 0);
    const seen = { replaced: exits.length, prompts, reconnects, owners, delivered, slowestMs };
    process.stderr.write(`rolling replacement: ${JSON.stringify(seen)}\n`);
    expect(shown).toEqual([]);
    for (const verdict of verdicts) expect(verdict).toMatchObject(NOTHING_WRONG);
    expect(exits).toEqual(Array.from({ length: ROUNDS * 5 }, () => ({ code: 0, signal: null })));
    expect(reconnects).toBeGreaterThan(ROUNDS * 2);
    expect(owners).toBeGreaterThan(ROUNDS * 2);
  });

  it('is noticed where workers give running turns no time: the check above can fail', async () => {
    await using fleet = await Fleet.start({
      ...{ gateways: 1, workers: 1 },
      workerEnv: { HOLDFAST_DRAIN_SECONDS: '0' },
    });
    const { shown, verdicts } = await rollOver(fleet, { people: 3, written: 0, rounds: 3 });
    expect(shown.join('\n')).toContain('turn_interrupted');
    for (const verdict of verdicts)
      expect(verdict).toMatchObject({ lost: 0, duplicated: 0, promptsRunTwice: 0 });
  });
});
