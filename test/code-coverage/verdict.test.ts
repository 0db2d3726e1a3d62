import { describe, expect, it } from 'vitest';
import { countFile, type FileCoverage } from './fold.ts';
import { AREAS, judgeCoverage } from './verdict.ts';

const at = (line: number, column: number) => ({ start: { line, column }, end: { line, column: column + 5 } });

/** As vitest reports a file that ran inside it and in a process: the same starts, other ends. */
const twice: FileCoverage = {
  path: '/c/apps/a.ts',
  statementMap: { 0: at(1, 0), 1: at(1, 0), 2: at(2, 4), 3: at(3, 4) },
  s: { 0: 0, 1: 7, 2: 0, 3: 1 },
  branchMap: { 0: { type: 'if', loc: at(2, 0) }, 1: { type: 'if', loc: at(2, 0) } },
  b: { 0: [3, 0], 1: [0, 0] },
};

describe('a file that ran in two ways', () => {
  it('is counted once, by what either of them ran', () => {
    expect(countFile(twice)).toEqual({
      path: '/c/apps/a.ts',
      lines: { covered: 2, all: 3 },
      branches: { covered: 1, all: 2 },
      gaps: [2],
    });
  });
});

describe('the bounds on coverage', () => {
  const file = (covered: number, branches: number) => ({
    path: 'a/b.ts',
    lines: { covered, all: 100 },
    branches: { covered: branches, all: 100 },
    gaps: [4, 8],
  });
  const area = { name: 'the log', paths: ['a/'], isEnforced: true };

  it('hold for an area as a whole', () => {
    const files = [file(100, 85), file(90, 95), { ...file(0, 0), path: 'other/c.ts' }];
    expect(judgeCoverage(files, [area])).toEqual({
      problems: [],
      lines: ['the log: 95.0 % of lines, 90.0 % of branches (at least 95 and 90)'],
    });
  });

  it('name what is missing and where', () => {
    expect(judgeCoverage([file(94, 95)], [area])).toEqual({
      problems: ['the log: 94.0 % of lines, 95.0 % of branches are covered (at least 95 and 90).'],
      lines: ['the log: 94.0 % of lines, 95.0 % of branches (at least 95 and 90)', '  a/b.ts: 4 8'],
    });
    expect(judgeCoverage([file(100, 89)], [area]).problems).toHaveLength(1);
  });

  it('are not met by an area whose files are gone', () => {
    expect(judgeCoverage([], [area]).problems).toHaveLength(1);
    expect(judgeCoverage([], [{ ...area, isEnforced: false }]).problems).toEqual([]);
  });

  it('are set for areas that the run measures', () => {
    expect(AREAS.flatMap(({ paths }) => paths).filter((path) => !path.endsWith('/'))).toEqual([]);
  });
});
