// Counts lines and branches in vitest's coverage report. A file that ran both inside vitest and in a process of its
// own is in the report twice over, with the same starts and other ends: what starts at one place is one thing.
import { z } from 'zod';

const Start = z.object({ start: z.object({ line: z.number(), column: z.number().nullish() }) });
const FileCoverage = z.object({
  path: z.string(),
  statementMap: z.record(z.string(), Start),
  s: z.record(z.string(), z.number()),
  branchMap: z.record(z.string(), z.object({ type: z.string(), loc: Start })),
  b: z.record(z.string(), z.array(z.number())),
});
export type FileCoverage = z.infer<typeof FileCoverage>;

/** The part of vitest's `coverage-final.json` that is used: by path. */
export const CoverageReport = z.record(z.string(), FileCoverage);

export interface Count {
  readonly covered: number;
  readonly all: number;
}

/** What was counted in one file, and its lines that did not run or have an arm that was never taken. */
export interface FileCount {
  readonly path: string;
  readonly lines: Count;
  readonly branches: Count;
  readonly gaps: readonly number[];
}

interface Thing {
  readonly line: number;
  readonly isHit: boolean;
}

export function countFile(file: FileCoverage): FileCount {
  const lines = new Map<string, Thing>();
  for (const [id, { start }] of Object.entries(file.statementMap)) {
    note(lines, String(start.line), { line: start.line, isHit: (file.s[id] ?? 0) > 0 });
  }
  const arms = new Map<string, Thing>();
  for (const [id, { type, loc }] of Object.entries(file.branchMap)) {
    (file.b[id] ?? []).forEach((count, arm) => {
      const { line, column } = loc.start;
      note(arms, `${type} ${line}:${column} ${arm}`, { line, isHit: count > 0 });
    });
  }
  const missed = [...lines.values(), ...arms.values()].filter(({ isHit }) => !isHit);
  const gaps = [...new Set(missed.map(({ line }) => line))].sort((a, b) => a - b);
  return { path: file.path, lines: count(lines), branches: count(arms), gaps };
}

export function sum(counts: readonly Count[]): Count {
  const add = (of: (one: Count) => number): number => counts.reduce((total, one) => total + of(one), 0);
  return { covered: add(({ covered }) => covered), all: add(({ all }) => all) };
}

/** In percent; nothing to cover is all covered. */
export function percent({ covered, all }: Count): number {
  return all === 0 ? 100 : (100 * covered) / all;
}

function note(things: Map<string, Thing>, key: string, thing: Thing): void {
  things.set(key, { ...thing, isHit: thing.isHit || (things.get(key)?.isHit ?? false) });
}

function count(things: ReadonlyMap<string, Thing>): Count {
  return { covered: [...things.values()].filter(({ isHit }) => isHit).length, all: things.size };
}
