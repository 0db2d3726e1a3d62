// Holds what a whole run of the fast tier covered against the bounds of the code that must not break.
import { readFile } from 'node:fs/promises';
import { countFile, CoverageReport, percent, sum, type FileCount } from './fold.ts';

/** Code that is held to bounds together. Paths are prefixes, relative to the checkout. */
interface Area {
  readonly name: string;
  readonly paths: readonly string[];
  /** False while its tests are still being written: it is then only reported. */
  readonly isEnforced: boolean;
}

const LEAST_LINES = 95;
const LEAST_BRANCHES = 90;

export const AREAS: readonly Area[] = [
  { name: 'log and store', paths: ['packages/shared/src/store/'], isEnforced: true },
  { name: 'sessions and queue', paths: ['apps/worker/src/session/'], isEnforced: true },
  {
    name: 'children',
    paths: ['apps/worker/src/agent/', 'apps/worker/src/process/'],
    isEnforced: true,
  },
  { name: 'gateway feed', paths: ['apps/gateway/src/feed/'], isEnforced: true },
];

/** `problems` are finished sentences; `lines` is what a person reads. */
export interface CoverageVerdict {
  readonly problems: readonly string[];
  readonly lines: readonly string[];
}

/** Reads vitest's `coverage-final.json`; paths in it begin with `root`, which ends with a slash. */
export async function judgeCoverageFile(file: string, root: string): Promise<CoverageVerdict> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return { problems: ['no coverage was written'], lines: ['none was written'] };
  const report = CoverageReport.parse(JSON.parse(text));
  const counts = Object.values(report).map(countFile);
  return judgeCoverage(counts.map((one) => ({ ...one, path: one.path.slice(root.length) })));
}

/** Judges files by their paths relative to the checkout. An enforced area without any file is a fault. */
export function judgeCoverage(files: readonly FileCount[], areas: readonly Area[] = AREAS): CoverageVerdict {
  const verdicts = areas.map((area) => {
    const own = files.filter(({ path }) => area.paths.some((prefix) => path.startsWith(prefix)));
    const lines = percent(sum(own.map((file) => file.lines)));
    const branches = percent(sum(own.map((file) => file.branches)));
    const isLow = own.length === 0 || lines < LEAST_LINES || branches < LEAST_BRANCHES;
    const numbers = `${area.name}: ${lines.toFixed(1)} % of lines, ${branches.toFixed(1)} % of branches`;
    const bound = `at least ${LEAST_LINES} and ${LEAST_BRANCHES}${area.isEnforced ? '' : ', not enforced yet'}`;
    return {
      problems: isLow && area.isEnforced ? [`${numbers} are covered (${bound}).`] : [],
      lines: [`${numbers} (${bound})`, ...(isLow ? own.flatMap(gapLine) : [])],
    };
  });
  return {
    problems: verdicts.flatMap(({ problems }) => problems),
    lines: verdicts.flatMap(({ lines }) => lines),
  };
}

function gapLine({ path, gaps }: FileCount): string[] {
  return gaps.length === 0 ? [] : [`  ${path}: ${gaps.join(' ')}`];
}
