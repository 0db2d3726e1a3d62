// `holdfast doctor`: what a worker here would find, and whether the gateway answers; each with its fix.
import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { findAddress } from '../address.ts';
import { dataDirectory } from '../client-file.ts';
import { CliFailure } from '../failure.ts';
import { EXIT, type CommandContext } from '../io.ts';
import { jsonLine } from '../render/json.ts';
import type { Style } from '../render/style.ts';
import type { JsonOption } from './shared.ts';

const run = promisify(execFile);
/** The CLI's version alone may take seconds on a busy machine. */
const DOCTOR_LIMIT_MS = 60_000;
const GATEWAY_LIMIT_MS = 5_000;
const OLDEST_NODE = [24, 12] as const;

const Check = z.object({
  name: z.string(),
  status: z.enum(['ok', 'warning', 'failed']),
  found: z.string(),
  fix: z.string().optional(),
});
type Check = z.infer<typeof Check>;

/** Exit code 1 when anything failed; warnings do not count. */
export async function runDoctor(context: CommandContext, options: JsonOption): Promise<number> {
  const { io } = context;
  const checks = [
    nodeCheck(process.versions.node),
    ...(await workerChecks(context)),
    await gatewayCheck(context),
  ];
  if (options.json === true) io.out(jsonLine(checks));
  else
    io.out(
      checks
        .flatMap((check) => checkLines(check, io.outStyle))
        .map((line) => `${line}\n`)
        .join(''),
    );
  return checks.some(({ status }) => status === 'failed') ? EXIT.failed : EXIT.ok;
}

function checkLines({ name, status, found, fix }: Check, style: Style): readonly string[] {
  const paint = { ok: style.dim, warning: style.bold, failed: style.red }[status];
  const line = `${paint(status.padEnd(8))} ${name.padEnd(14)} ${found}`;
  return fix === undefined ? [line] : [line, `${' '.repeat(24)}${fix}`];
}

function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  return isNew
    ? { name: 'node', status: 'ok', found: `version ${version}` }
    : {
        name: 'node',
        status: 'failed',
        found: `version ${version}`,
        fix: 'Use "npx --no-install holdfast": it brings Node 24.',
      };
}

/** Runs the worker's own doctor, in the environment that `up` gives a worker. */
async function workerChecks({ env, checkout }: CommandContext): Promise<readonly Check[]> {
  const dataDir = dataDirectory(env, checkout);
  const redis = await redisEnv(env, dataDir);
  const { stdout } = await run(process.execPath, [join(checkout, 'apps/worker/src/doctor/main.ts')], {
    cwd: checkout,
    env: { ...env, HOLDFAST_DATA_DIR: dataDir, ...redis },
    timeout: DOCTOR_LIMIT_MS,
  });
  const checks = z.array(Check).parse(JSON.parse(stdout));
  if (redis !== undefined) return checks;
  const fix = 'Start Holdfast with "npm run up", which runs a private Redis, or set REDIS_URL.';
  return [...checks, { name: 'redis', status: 'warning', found: 'none runs here', fix }];
}

/** Where Redis is: as named, else the private one of `up`; undefined when that does not run. */
async function redisEnv(
  env: CommandContext['env'],
  dataDir: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  if ((env['REDIS_URL'] ?? '') !== '') return {};
  const socket = join(dataDir, 'redis/redis.sock');
  try {
    await access(socket);
    const password = await readFile(join(dataDir, 'redis/password'), 'utf8');
    return { REDIS_URL: socket, HOLDFAST_REDIS_PASSWORD: password.trim() };
  } catch {
    return undefined;
  }
}

async function gatewayCheck(context: CommandContext): Promise<Check> {
  const name = 'gateway';
  try {
    const { url } = await findAddress(context);
    const answer = await fetch(new URL('/readyz', url), {
      signal: AbortSignal.timeout(GATEWAY_LIMIT_MS),
    }).catch(() => undefined);
    if (answer === undefined) {
      return { name, status: 'failed', found: `${url} does not answer`, fix: 'Start it with "npm run up".' };
    }
    const { problems = [], warnings = [] } = z
      .object({ problems: z.array(z.string()).optional(), warnings: z.array(z.string()).optional() })
      .parse(await answer.json());
    const told = [...problems, ...warnings].join(' ');
    if (!answer.ok) return { name, status: 'failed', found: `${url} is not ready`, fix: told };
    return told === ''
      ? { name, status: 'ok', found: `${url} is ready` }
      : { name, status: 'warning', found: `${url} is ready`, fix: told };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    return { name, status: 'warning', found: 'none is known here', fix: error.message };
  }
}
