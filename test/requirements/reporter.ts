// A vitest reporter that writes what the run proved, as JSON, to the file named in TEST_PROOFS_FILE.
import { writeFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { checkout } from './list.ts';
import { citedIds, type Proof } from './proofs.ts';

/** Vitest loads a reporter by path only as a default export. */
export default class ProofReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const file = process.env['TEST_PROOFS_FILE'];
    if (file === undefined) return;
    const proofs = modules.flatMap((module) => [...module.children.allTests('passed')].flatMap(proofOf));
    writeFileSync(file, JSON.stringify(proofs));
  }
}

/** A test that is expected to fail, and one that asserted nothing, prove nothing. */
function proofOf(test: TestCase): Proof[] {
  const ids = citedIds(test.fullName);
  if (ids.length === 0 || test.options.fails === true || (test.meta().assertions ?? 0) === 0) return [];
  const file = relative(fileURLToPath(checkout), test.module.moduleId).split(sep).join('/');
  return [{ file, title: test.fullName, ids: [...ids] }];
}
