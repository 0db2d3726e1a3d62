// The summary of `npm run test:failure`: every row with how long it took, and what it showed, file by file.
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { citedIds } from '../../requirements/proofs.ts';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));
const MARKS = { passed: 'ok  ', failed: 'FAIL', skipped: 'skip', pending: 'skip' } as const;

/** Vitest loads a reporter by path only as a default export. */
// oxlint-disable-next-line import/no-default-export
export default class FailureSummary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const lines = modules.flatMap((module) => [
      '',
      relative(checkout, module.moduleId),
      ...[...module.children.allTests()].map(rowOf),
    ]);
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
    const ids = new Set(
      tests.flatMap((test) => (test.result().state === 'passed' ? citedIds(test.fullName) : [])),
    );
    const total = `${tests.length} failure rows: ${count('passed')} ok, ${count('failed')} failed, ${count('skipped')} skipped`;
    const shown = `requirements that they touch: ${[...ids].toSorted().join(' ')}`;
    process.stdout.write(`${[...lines, '', total, shown].join('\n')}\n`);
  }
}

function rowOf(test: TestCase): string {
  const seconds = ((test.diagnostic()?.duration ?? 0) / 1_000).toFixed(1).padStart(6);
  return `  ${MARKS[test.result().state]} ${seconds} s  ${test.fullName}`;
}
