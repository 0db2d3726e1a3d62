// The machine as a worker finds it: the CLI, the model, containment, folders, limits.
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, readFile, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chooseModel, findClaude, isTested, TESTED_CLI_VERSIONS } from '@holdfast/shared/runtime';
import { planContainment } from '../process/containment.ts';
import { failed, ok, warning, type Check } from './check.ts';

const run = promisify(execFile);
const VERSION_LIMIT_MS = 30_000;
const MIN_FREE_BYTES = 1024 ** 3;
const MIN_OPEN_FILES = 4_096;
/** Measured: what a warm child costs. */
const CHILD_BYTES = 125 * 1024 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

/** The CLI's executable, its version, and which model answers. */
export async function checkCli(env: Environment): Promise<readonly Check[]> {
  const model = chooseModel(env);
  const answers = `the ${model.mode} model answers, because ${model.because}`;
  const choice =
    model.warning === undefined ? ok('model', answers) : warning('model', answers, model.warning);
  const found = findClaude(env);
  if (found.status === 'missing') return [failed('cli', 'no executable', found.problem), choice];
  const version = await versionOf(found.path, env);
  const { from, to } = TESTED_CLI_VERSIONS;
  const range = from === to ? from : `${from} to ${to}`;
  const cli = isTested(version)
    ? ok('cli', `version ${version} (${found.from})`)
    : warning(
        'cli',
        `version ${version}`,
        `Holdfast was tested with ${range}: run "npm run test:cli" with this one.`,
      );
  return [cli, choice];
}

/** Runs it away from everything that is the user's: an own home, no credentials. */
async function versionOf(path: string, env: Environment): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-doctor-'));
  try {
    const own = { PATH: env['PATH'] ?? '', HOME: home, CLAUDE_CONFIG_DIR: home, DISABLE_AUTOUPDATER: '1' };
    const { stdout } = await run(path, ['--version'], { env: own, timeout: VERSION_LIMIT_MS });
    return stdout.trim().split(' ', 1)[0] ?? '';
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

export async function checkContainment(
  wanted: 'auto' | 'namespace' | 'sweep',
  uid: number,
): Promise<readonly Check[]> {
  const plan = await planContainment(wanted, uid);
  if (plan.kind === 'namespace') return [ok('containment', 'a PID namespace for each child')];
  const fix =
    'Processes that clear their environment can outlive their session. Allow PID namespaces for this user, ' +
    'or run workers in containers, whose end is the end of everything.';
  return [warning('containment', `swept up by a marker only (${plan.refusal ?? 'as configured'})`, fix)];
}

/** Each folder: there, writable, on a disk with room. */
export async function checkFolders(
  folders: readonly { name: string; path: string }[],
): Promise<readonly Check[]> {
  return Promise.all(folders.map(async ({ name, path }) => checkFolder(name, path)));
}

async function checkFolder(name: string, path: string): Promise<Check> {
  try {
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return code === 'ENOENT'
      ? warning(name, `${path} is not there yet`, 'Holdfast makes it at its first start.')
      : failed(name, `${path} is not writable (${code})`, 'Give it to the user that runs Holdfast (chown).');
  }
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  const found = `${path}, ${(free / 1024 ** 3).toFixed(1)} GiB free`;
  return free < MIN_FREE_BYTES
    ? warning(name, found, 'Free some space: transcripts and Redis grow.')
    : ok(name, found);
}

export async function checkLimits(maxChildren: number): Promise<readonly Check[]> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? 'unknown';
  const isFew = soft !== 'unlimited' && soft !== 'unknown' && Number(soft) < MIN_OPEN_FILES;
  const files = isFew
    ? warning('open files', `at most ${soft}`, 'Raise it (ulimit -n): each client and each child takes some.')
    : ok('open files', `at most ${soft}`);
  const free = freemem();
  const needed = maxChildren * CHILD_BYTES;
  const found = `${gibibytes(free)} free; ${maxChildren} children take about ${gibibytes(needed)}`;
  const memory =
    needed > free
      ? warning('memory', found, 'Lower HOLDFAST_MAX_CHILDREN, or add memory.')
      : ok('memory', found);
  return [files, memory];
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
