// `npm test` and `npm run test:slow`: one tier of the tests, with a redis-server on PATH as `up` finds or fetches one,
// and always the demo model; then the check of the requirements.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutModelCredentials } from '@holdfast/shared/runtime';
import { explainWriteError, UpFailure } from '../../apps/cli/src/up/failure.ts';
import { ensureRedisServer } from '../../apps/cli/src/up/redis/source.ts';
import { judgeCoverageFile } from '../../test/code-coverage/verdict.ts';
import type { Tier } from '../../test/requirements/list.ts';
import { judgeRun } from '../../test/requirements/verdict.ts';

/** Projects of vitest.config.ts. */
const PROJECTS: Readonly<Record<Tier, readonly string[]>> = {
  fast: ['unit', 'store', 'system', 'setup'],
  slow: ['slow', 'browser'],
};
const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const PROOF_REPORTER = join(checkout, 'test/requirements/reporter.ts');

/** The machine's environment without credentials, settings of Holdfast, or a Redis that is not the tests' own. */
function testEnv(): Record<string, string> {
  const entries = Object.entries(withoutModelCredentials(process.env)).filter(
    ([name]) => !name.startsWith('HOLDFAST_') && name !== 'REDIS_URL',
  );
  return Object.fromEntries(entries);
}

/** PATH with a usable `redis-server` on it; tests start private ones by that name. */
async function pathWithRedis(env: Record<string, string>): Promise<string> {
  const dataDir = join(checkout, '.holdfast');
  await mkdir(dataDir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw explainWriteError(error, dataDir);
  });
  const progress = (line: string): void => void process.stderr.write(`holdfast: ${line}\n`);
  const program = await ensureRedisServer({ env, dataDir, progress });
  return [env['PATH'] ?? '', dirname(program.file)].join(delimiter);
}

interface Run {
  readonly tier: Tier;
  /** What vitest gets. */
  readonly args: readonly string[];
  /** False when the arguments choose some of the tests: the requirements are then not checked. */
  readonly isWhole: boolean;
  /** Where the verdict on the requirements goes as JSON. */
  readonly verdictFile: string | undefined;
}

/** Own options: `--tier slow`, `--requirements FILE`. All others, and names of test files, are vitest's. */
function parseRun(argv: readonly string[]): Run {
  const args = [...argv];
  const take = (name: string): string | undefined => {
    const at = args.indexOf(name);
    return at === -1 ? undefined : args.splice(at, 2)[1];
  };
  const tier = take('--tier') === 'slow' ? 'slow' : 'fast';
  const verdictFile = take('--requirements');
  const isWhole = args.every((arg) => /^--(reporter|outputFile|silent)\b/.test(arg));
  return { tier, args, isWhole, verdictFile };
}

function vitestArguments({ tier, args }: Run): readonly string[] {
  const isNamed = args.some((arg) => arg.startsWith('--project'));
  const projects = isNamed ? [] : PROJECTS[tier].flatMap((name) => ['--project', name]);
  const isReported = args.some((arg) => arg.startsWith('--reporter'));
  const reporters = [...(isReported ? [] : ['--reporter=default']), `--reporter=${PROOF_REPORTER}`];
  return ['run', ...projects, ...reporters, ...args];
}

function vitest(args: readonly string[], env: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn('vitest', args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.on('error', reject);
  child.on('close', (code) => resolve(code ?? 1));
  return promise;
}

/** Prints what was covered; the enforced bounds that were not met. */
async function coverageProblems(folder: string): Promise<readonly string[]> {
  const verdict = await judgeCoverageFile(join(folder, 'coverage/coverage-final.json'), `${checkout}/`);
  for (const line of verdict.lines) process.stdout.write(`coverage: ${line}\n`);
  return verdict.problems;
}

/** Runs the tests and, after a whole tier, holds the requirements against what they showed. The exit code. */
async function runTier(run: Run, env: Record<string, string>): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  try {
    const proofsFile = join(folder, 'proofs.json');
    const isMeasured = run.isWhole && run.tier === 'fast';
    const measure = isMeasured ? ['--coverage', `--coverage.reportsDirectory=${folder}/coverage`] : [];
    const args = [...vitestArguments(run), ...measure];
    const code = await vitest(args, { ...env, TEST_PROOFS_FILE: proofsFile });
    if (!run.isWhole) return code;
    const verdict = await judgeRun(run.tier, proofsFile);
    for (const line of verdict.lines) process.stdout.write(`${line}\n`);
    if (run.verdictFile !== undefined) await writeFile(run.verdictFile, JSON.stringify(verdict.problems));
    const coverage = isMeasured ? await coverageProblems(folder) : [];
    return verdict.problems.length + coverage.length === 0 ? code : code || 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  const env = testEnv();
  const path = await pathWithRedis(env);
  process.exitCode = await runTier(parseRun(process.argv.slice(2)), { ...env, PATH: path });
} catch (error) {
  if (!(error instanceof UpFailure)) throw error;
  process.stderr.write(`holdfast: ${error.message}\n`);
  process.exitCode = 1;
}
