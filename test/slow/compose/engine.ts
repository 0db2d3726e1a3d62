// Finds what the container test needs: an engine, Compose and the base images. Says in one sentence what is missing.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** Named in Dockerfile and docker-compose.yml. */
const BASE_IMAGES = ['node:24-bookworm-slim', 'redis:7-bookworm'];
/** Where no registry can be reached, a script beside the checkout may make images under the same names. */
const STAND_INS = fileURLToPath(new URL('../../../../shared/docker/local-base-images.sh', import.meta.url));
const PULL_LIMIT_MS = 180_000;
const STAND_IN_LIMIT_MS = 420_000;

/** `compose` is the command line in front of Compose's own arguments. */
export type Engine =
  | { readonly status: 'ready'; readonly compose: readonly [string, ...string[]]; readonly version: string }
  | { readonly status: 'missing'; readonly problem: string };

/** Starts nothing unless the script beside the checkout is there. TEST_COMPOSE chooses one of the two Composes. */
export async function findEngine(): Promise<Engine> {
  const problem = (await engineAnswers())
    ? await fetchImages()
    : await makeStandIns('No container engine answers');
  if (problem !== undefined) return { status: 'missing', problem };
  const wanted = process.env['TEST_COMPOSE'];
  const commands =
    wanted === undefined ? (['docker compose', 'docker-compose'] as const) : ([wanted] as const);
  for (const line of commands) {
    const [file = '', ...args] = line.split(' ');
    const version = await output(file, [...args, 'version', '--short']);
    if (version !== undefined) return { status: 'ready', compose: [file, ...args], version };
  }
  return { status: 'missing', problem: `Docker Compose is missing (tried: ${commands.join(', ')}).` };
}

async function engineAnswers(): Promise<boolean> {
  return (await output('docker', ['version', '--format', '{{.Server.Version}}'])) !== undefined;
}

/** undefined when all base images are there, else what is missing. */
async function fetchImages(): Promise<string | undefined> {
  for (const image of BASE_IMAGES) {
    if ((await output('docker', ['image', 'inspect', '--format', '{{.Id}}', image])) !== undefined) continue;
    if ((await output('docker', ['pull', '--quiet', image], PULL_LIMIT_MS)) !== undefined) continue;
    return makeStandIns(`The image ${image} cannot be pulled`);
  }
  return undefined;
}

async function makeStandIns(why: string): Promise<string | undefined> {
  const needed = `needed are a running Docker engine and the images ${BASE_IMAGES.join(' and ')}`;
  if (!existsSync(STAND_INS)) return `${why}: ${needed}.`;
  const made = await output('bash', [STAND_INS, '--no-verify'], STAND_IN_LIMIT_MS);
  return made === undefined ? `${why}, and ${STAND_INS} failed: ${needed}.` : undefined;
}

/** Trimmed stdout of a command that succeeded, else undefined. */
async function output(file: string, args: readonly string[], timeout = 20_000): Promise<string | undefined> {
  try {
    const { stdout } = await execute(file, args, { timeout, maxBuffer: 16 * 1024 * 1024 });
    return stdout.trim();
  } catch {
    return undefined;
  }
}
