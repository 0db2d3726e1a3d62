import { describe, expect, it } from 'vitest';
import { checkRequirements, citedPendingIds, type CheckInput } from './check.ts';
import type { Requirement } from './list.ts';
import { citedIds, isOnGround, type Proof } from './proofs.ts';

const row = (id: string, rest: Partial<Requirement> = {}): Requirement => ({
  id,
  text: 'It does.',
  state: 'done',
  tier: 'fast',
  needs: ['redis'],
  ...rest,
});
const proof = (id: string, file = 'test/store/log.test.ts'): Proof => ({
  file,
  title: `x [${id}]`,
  ids: [id],
});

const check = (input: Partial<CheckInput>): readonly string[] =>
  checkRequirements({
    requirements: [],
    baseline: [],
    past: { baselines: [], ids: [] },
    tier: 'fast',
    proofs: [],
    ...input,
  });

describe('the requirement check', () => {
  it('accepts a row that is done and cited by a test on its ground', () => {
    expect(check({ requirements: [row('B-04')], proofs: [proof('B-04')] })).toEqual([]);
  });

  it('refuses a row that is done and cited by nothing', () => {
    expect(check({ requirements: [row('B-04')], proofs: [proof('B-03')] })).toEqual([
      'B-04 is done, but no test that ran, passed and asserted cites it.',
      'test/store/log.test.ts cites B-03, which is no requirement.',
    ]);
  });

  it('refuses a proof about Redis and the CLI that used one of them only', () => {
    const requirements = [row('B-04', { needs: ['redis', 'cli'] })];
    expect(check({ requirements, proofs: [proof('B-04')] })).toEqual([
      'B-04 is done, but is cited only where its proof cannot be: test/store/log.test.ts; it needs real redis, real cli.',
    ]);
    expect(check({ requirements, proofs: [proof('B-04', 'test/e2e/turn.test.ts')] })).toEqual([]);
  });

  it('leaves rows of the other tier to the other run', () => {
    const requirements = [row('K-01', { tier: 'slow' })];
    expect(check({ requirements })).toEqual([]);
    expect(check({ requirements, tier: 'slow' })).toHaveLength(1);
  });

  it('refuses a pending row that is not on the baseline', () => {
    expect(check({ requirements: [row('B-04', { state: 'pending' })] })).toEqual([
      'B-04 is pending, but is not on the baseline: the pending list may only shrink.',
    ]);
  });

  it('refuses an id that an earlier baseline did not have', () => {
    const requirements = [row('B-04', { state: 'pending' }), row('B-05', { state: 'pending' })];
    const past = { baselines: [['B-04', 'B-05'], ['B-04']], ids: [] };
    expect(check({ requirements, baseline: ['B-04', 'B-05'], past })).toEqual([
      'B-05 came onto the baseline: the pending list may only shrink.',
    ]);
  });

  it('refuses a baseline that keeps a row which is done', () => {
    const input = { requirements: [row('B-04')], proofs: [proof('B-04')], baseline: ['B-04'] };
    expect(check(input)).toEqual([
      'B-04 is on the baseline, but is not pending: take it off ("npm run requirements").',
    ]);
  });

  it('refuses a list that lost a row or has one twice', () => {
    const requirements = [row('B-04'), row('B-04')];
    const past = { baselines: [], ids: ['B-03', 'B-04'] };
    expect(check({ requirements, proofs: [proof('B-04')], past })).toEqual([
      'B-04 is on the list twice.',
      'B-03 is gone from the list of requirements.',
    ]);
  });

  it('names the pending rows that a run proved', () => {
    const requirements = [
      row('B-04', { state: 'pending' }),
      row('B-05', { state: 'pending' }),
      row('B-06', { state: 'pending', needs: ['cli'] }),
    ];
    const input = { requirements, baseline: [], past: { baselines: [], ids: [] }, tier: 'fast' as const };
    expect(citedPendingIds({ ...input, proofs: [proof('B-04'), proof('B-06')] })).toEqual(['B-04']);
  });
});

describe('a citation', () => {
  it('is an id, or several, in brackets in the titles', () => {
    expect(citedIds('queue [B-01] > runs twice never [B-03, C-03] [B-01]')).toEqual(['B-01', 'B-03', 'C-03']);
  });

  it('is nothing that only looks like one', () => {
    expect(citedIds('B-01 and [b-01] and [L-01] and [B-1] and [B-01')).toEqual([]);
  });

  it('in a unit test stands for nothing real', () => {
    expect(isOnGround('packages/shared/test/a.test.ts', [])).toBe(true);
    expect(isOnGround('packages/shared/test/a.test.ts', ['redis'])).toBe(false);
  });
});
