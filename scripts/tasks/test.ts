// `npm test`: the fast tier, with a redis-server on PATH as `up` finds or fetches one, and always the demo model.
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutModelCredentials } from '@holdfast/shared/runtime';
import { explainWriteError, UpFailure } from '../../apps/cli/src/up/failure.ts';
import { ensureRedisServer } from '../../apps/cli/src/up/redis/source.ts';

const FAST_TIER = ['unit', 'store', 'system', 'setup'];
const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

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

function vitest(args: readonly string[], env: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const projects = args.some((arg) => arg.startsWith('--project'))
    ? []
    : FAST_TIER.flatMap((name) => ['--project', name]);
  const child = spawn('vitest', ['run', ...projects, ...args], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.on('error', reject);
  child.on('close', (code) => resolve(code ?? 1));
  return promise;
}

try {
  const env = testEnv();
  process.exitCode = await vitest(process.argv.slice(2), { ...env, PATH: await pathWithRedis(env) });
} catch (error) {
  if (!(error instanceof UpFailure)) throw error;
  process.stderr.write(`holdfast: ${error.message}\n`);
  process.exitCode = 1;
}
