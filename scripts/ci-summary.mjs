// Sums what `npm run check` and `npm test` wrote as JSON; a result that is missing counts as a failure.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `checks` is the array of `npm run check --json`, undefined when it wrote none. */
export function sumChecks(checks) {
  if (checks === undefined) return { passed: 0, failed: ['npm run check wrote no results'] };
  return {
    passed: checks.filter((check) => check.passed).length,
    failed: checks.filter((check) => !check.passed).map((check) => `check: ${check.name}`),
  };
}

/**
 * `report` is vitest's JSON report. A file that failed without a failed test (it could not be loaded, or a hook
 * threw) counts as one failure; so does a run that was not a success for another reason.
 */
export function sumTests(report) {
  if (report === undefined) return { passed: 0, skipped: 0, failed: ['npm test wrote no results'] };
  const failed = report.testResults.flatMap((file) => failuresOf(file));
  if (!report.success && failed.length === 0) failed.push('npm test: an error outside of any test');
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  return {
    passed: tests.filter((test) => test.status === 'passed').length,
    skipped: tests.filter((test) => test.status !== 'passed' && test.status !== 'failed').length,
    failed,
  };
}

function failuresOf(file) {
  const name = relative(process.cwd(), file.name);
  const tests = file.assertionResults.filter((test) => test.status === 'failed');
  if (tests.length === 0 && file.status === 'failed')
    return [`${name}: could not run${firstLine(file.message)}`];
  return tests.map((test) => `${name}: ${test.fullName}${firstLine(test.failureMessages?.[0])}`);
}

function firstLine(message) {
  const line = (message ?? '').split('\n').find((candidate) => candidate.trim() !== '');
  return line === undefined ? '' : `\n    ${line.trim()}`;
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function main([checkFile, testFile]) {
  const checks = sumChecks(readJson(checkFile));
  const tests = sumTests(readJson(testFile));
  const failed = [...checks.failed, ...tests.failed];
  const out = (line) => process.stdout.write(`${line}\n`);
  for (const line of failed) out(`FAILED  ${line}`);
  if (tests.skipped > 0) out(`not run: ${tests.skipped} skipped tests`);
  out(`${checks.passed + tests.passed} passed, ${failed.length} failed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
