import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkRequirements } from './check.ts';
import { checkout, readBaseline, readList } from './list.ts';
import { readPast } from './past.ts';
import { DOCUMENT_PATH, renderDocument } from './render.ts';

const requirements = readList();

describe('the list of requirements', () => {
  it('is what docs/REQUIREMENTS.md shows', () => {
    expect(readFileSync(new URL(DOCUMENT_PATH, checkout), 'utf8')).toBe(renderDocument(requirements));
  });

  it('has lost no row, and its pending rows only became fewer', async () => {
    const proofs = requirements.map(({ id }) => ({ file: 'test/slow/all', title: '', ids: [id] }));
    const everywhere = requirements.map((row) => ({ ...row, needs: [] }));
    const input = { requirements: everywhere, baseline: readBaseline(), past: await readPast(), proofs };
    expect(checkRequirements({ ...input, tier: 'fast' })).toEqual([]);
    expect(requirements.length).toBeGreaterThanOrEqual(93);
  });
});
