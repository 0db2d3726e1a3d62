// Looks at everything that a worker needs, in the environment of a worker, and prints what it found as one JSON array.
// A program of its own: `holdfast doctor` runs it, also where no worker would start.
import { join } from 'node:path';
import { ConfigError, createLogger, loadConfig } from '@holdfast/shared/runtime';
import { createCommandRedis } from '@holdfast/shared/store';
import { withDeadline } from '@holdfast/shared/util';
import { attempt, failed, ok, type Check } from './check.ts';
import { checkCli, checkContainment, checkFolders, checkLimits } from './machine-checks.ts';
import { checkRedis } from './redis-checks.ts';

const REDIS_LIMIT_MS = 5_000;
const NAMES = [
  'REDIS_URL',
  'HOLDFAST_REDIS_PASSWORD',
  'HOLDFAST_DATA_DIR',
  'HOLDFAST_WORKSPACE_ROOTS',
  'HOLDFAST_CONTAINMENT',
  'HOLDFAST_MAX_CHILDREN',
] as const;

type DoctorConfig = ReturnType<typeof loadConfig<(typeof NAMES)[number]>>;

async function redisChecks(config: DoctorConfig): Promise<readonly Check[]> {
  const fix = 'Start it, correct REDIS_URL, or unset REDIS_URL so that "npm run up" runs a private one.';
  const logger = createLogger({ part: 'doctor', level: 'silent' });
  const address = { url: config.REDIS_URL, password: config.HOLDFAST_REDIS_PASSWORD };
  const redis = createCommandRedis(address, logger, 'doctor');
  try {
    return await attempt(
      'redis',
      async () => withDeadline(checkRedis(redis), { limitMs: REDIS_LIMIT_MS, what: 'looking at Redis' }),
      fix,
    );
  } finally {
    redis.disconnect();
  }
}

async function examine(config: DoctorConfig): Promise<readonly Check[]> {
  const dataDir = config.HOLDFAST_DATA_DIR;
  const roots = config.HOLDFAST_WORKSPACE_ROOTS ?? [join(dataDir, 'workspaces')];
  const folders = [{ name: 'data', path: dataDir }, ...roots.map((path) => ({ name: 'workspaces', path }))];
  const parts = await Promise.all([
    process.env['REDIS_URL'] === undefined ? [] : redisChecks(config),
    attempt('cli', async () => checkCli(process.env), 'Reinstall it: npm ci --include=optional'),
    attempt(
      'containment',
      async () => checkContainment(config.HOLDFAST_CONTAINMENT, process.getuid?.() ?? -1),
      'Set HOLDFAST_CONTAINMENT=auto.',
    ),
    checkFolders(folders),
    checkLimits(config.HOLDFAST_MAX_CHILDREN),
  ]);
  return [ok('configuration', 'every variable is understood'), ...parts.flat()];
}

function configurationFaults(error: unknown): readonly Check[] {
  if (!(error instanceof ConfigError)) throw error;
  return error.problems.map((problem) => failed('configuration', problem, 'Correct or unset the variable.'));
}

let checks: readonly Check[];
try {
  checks = await examine(loadConfig(process.env, NAMES));
} catch (error) {
  checks = configurationFaults(error);
}
process.stdout.write(`${JSON.stringify(checks)}\n`);
