// `npm run check`: format, lint, types, dead code and unit tests, side by side; prints what failed and nothing else.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
  readonly output: string;
}

const CHECKS: readonly Check[] = [
  { name: 'format', command: ['oxfmt', '--check', '.'] },
  { name: 'lint', command: ['oxlint', '--format=default'] },
  { name: 'types', command: ['tsc', '--noEmit', '--pretty', 'false'] },
  { name: 'page types', command: ['tsc', '--noEmit', '--pretty', 'false', '-p', 'apps/web'] },
  { name: 'page tests', command: ['tsc', '--noEmit', '--pretty', 'false', '-p', 'test/browser'] },
  { name: 'dead code', command: ['knip', '--no-progress', '--no-config-hints'] },
  { name: 'unit tests', command: ['vitest', 'run', '--project', 'unit'] },
];

function runCheck({ name, command }: Check): Promise<CheckResult> {
  const [file, ...args] = command;
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const startedAt = performance.now();
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const finish = (passed: boolean): void =>
    resolve({ name, passed, seconds: (performance.now() - startedAt) / 1000, output: output.trim() });
  child.on('error', (error) => {
    output += `${file} cannot be run: ${error.message}`;
    finish(false);
  });
  child.on('close', (code) => finish(code === 0));
  return promise;
}

function print(result: CheckResult): void {
  const mark = result.passed ? 'ok  ' : 'FAIL';
  process.stdout.write(`${mark}  ${result.name.padEnd(12)} ${result.seconds.toFixed(1)} s\n`);
  if (!result.passed) process.stdout.write(`${result.output.replaceAll(/^/gm, '      ')}\n`);
}

const { values } = parseArgs({ options: { json: { type: 'string' } } });
const results = await Promise.all(
  CHECKS.map(async (check) => {
    const result = await runCheck(check);
    print(result);
    return result;
  }),
);
const failed = results.filter((result) => !result.passed);
if (values.json !== undefined) {
  await writeFile(values.json, JSON.stringify(results.map(({ name, passed }) => ({ name, passed }))));
}
process.stdout.write(
  failed.length === 0 ? 'check passed\n' : `check failed: ${failed.map(({ name }) => name).join(', ')}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
