// Holds the list of requirements against what the tests showed and against the list's own past. Pure.
import type { Need, Requirement, Tier } from './list.ts';
import { isOnGround, type Proof } from './proofs.ts';

export interface CheckInput {
  readonly requirements: readonly Requirement[];
  /** The ids that may be pending. */
  readonly baseline: readonly string[];
  readonly past: Past;
  /** The tier that ran in whole. */
  readonly tier: Tier;
  readonly proofs: readonly Proof[];
}

/** What git knows of earlier versions; empty lists where there is no git. */
export interface Past {
  /** Every earlier version of the baseline. */
  readonly baselines: readonly (readonly string[])[];
  /** The ids of the last committed list. */
  readonly ids: readonly string[];
}

/** One finished sentence for each fault; none when all is well. */
export function checkRequirements(input: CheckInput): readonly string[] {
  return [...unprovedRows(input), ...unknownCitations(input), ...grownPendingList(input), ...lostRows(input)];
}

/** Pending rows that a run proved already: their state may be set to done once the proof is whole. */
export function citedPendingIds({ requirements, proofs, tier }: CheckInput): readonly string[] {
  return requirements
    .filter((row) => row.state === 'pending' && row.tier === tier)
    .filter((row) => proofsOf(row, proofs).some(({ file }) => isOnGround(file, row.needs)))
    .map(({ id }) => id);
}

function unprovedRows({ requirements, proofs, tier }: CheckInput): string[] {
  return requirements
    .filter((row) => row.state === 'done' && row.tier === tier)
    .flatMap((row) => {
      const found = proofsOf(row, proofs);
      if (found.some(({ file }) => isOnGround(file, row.needs))) return [];
      if (found.length === 0)
        return [`${row.id} is done, but no test that ran, passed and asserted cites it.`];
      return [`${row.id} is done, but is cited only where its proof cannot be: ${whereAndWhat(found, row)}.`];
    });
}

function whereAndWhat(found: readonly Proof[], row: Requirement): string {
  const files = [...new Set(found.map(({ file }) => file))];
  return `${files.join(', ')}; it needs ${joinNeeds(row.needs)}`;
}

function joinNeeds(needs: readonly Need[]): string {
  return needs.map((need) => `real ${need}`).join(', ');
}

function proofsOf(row: Requirement, proofs: readonly Proof[]): readonly Proof[] {
  return proofs.filter(({ ids }) => ids.includes(row.id));
}

function unknownCitations({ requirements, proofs }: CheckInput): string[] {
  const known = new Set(requirements.map(({ id }) => id));
  return proofs.flatMap(({ file, ids }) =>
    ids.filter((id) => !known.has(id)).map((id) => `${file} cites ${id}, which is no requirement.`),
  );
}

function grownPendingList({ requirements, baseline, past }: CheckInput): string[] {
  const pending = requirements.filter(({ state }) => state === 'pending').map(({ id }) => id);
  const isGrown = (id: string): boolean => past.baselines.some((earlier) => !earlier.includes(id));
  return [
    ...pending
      .filter((id) => !baseline.includes(id))
      .map((id) => `${id} is pending, but is not on the baseline: the pending list may only shrink.`),
    ...baseline
      .filter(isGrown)
      .map((id) => `${id} came onto the baseline: the pending list may only shrink.`),
    ...baseline
      .filter((id) => !pending.includes(id))
      .map((id) => `${id} is on the baseline, but is not pending: take it off ("npm run requirements").`),
  ];
}

function lostRows({ requirements, past }: CheckInput): string[] {
  const ids = requirements.map(({ id }) => id);
  const doubles = ids.filter((id, index) => ids.indexOf(id) !== index);
  return [
    ...doubles.map((id) => `${id} is on the list twice.`),
    ...past.ids.filter((id) => !ids.includes(id)).map((id) => `${id} is gone from the list of requirements.`),
  ];
}
