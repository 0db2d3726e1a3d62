// Sums what `npm run check` and `npm test` wrote as JSON; a result that is missing counts as a failure.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
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

/** `problems` is what `npm test` wrote about the requirements; they count as one check. */
export function sumRequirements(problems) {
  if (problems === undefined) return { passed: 0, failed: ['npm test did not check the requirements'] };
  return { passed: problems.length === 0 ? 1 : 0, failed: problems.map((text) => `requirements: ${text}`) };
}

/**
 * A failure for each command that ended with an error none of its results tell of, such as a coverage under its
 * bound. `commands` are `{name, exitCode, failed}`.
 */
export function sumExitCodes(commands) {
  return commands
    .filter(({ exitCode, failed }) => exitCode !== 0 && failed.length === 0)
    .map(({ name, exitCode }) => `${name} ended with ${exitCode}`);
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

/** The folder holds what .ci/run collected: check.json, test.json, requirements.json, and the exit codes. */
function main([folder]) {
  const json = (name) => readJson(join(folder, name));
  const checks = sumChecks(json('check.json'));
  const tests = sumTests(json('test.json'));
  const requirements = sumRequirements(json('requirements.json'));
  const failed = [...checks.failed, ...tests.failed, ...requirements.failed];
  const exits = [
    { name: 'npm run check', exitCode: json('check.exit') ?? 1, failed: checks.failed },
    { name: 'npm test', exitCode: json('test.exit') ?? 1, failed: [...tests.failed, ...requirements.failed] },
  ];
  failed.push(...sumExitCodes(exits));
  const out = (line) => process.stdout.write(`${line}\n`);
  for (const line of failed) out(`FAILED  ${line}`);
  if (tests.skipped > 0) out(`not run: ${tests.skipped} skipped tests`);
  out(`${checks.passed + tests.passed + requirements.passed} passed, ${failed.length} failed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
