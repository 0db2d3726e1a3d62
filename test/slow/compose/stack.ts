// One Holdfast in containers: built and started from docker-compose.yml under a name of its own, and removed.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withoutModelCredentials } from '@holdfast/shared/runtime';
import { until } from '../../support/until.ts';
import { checkout, type Engine } from './engine.ts';

const execute = promisify(execFile);

const BUILD_LIMIT_MS = 480_000;

export interface ContainerState {
  readonly id: string;
  readonly service: string;
  readonly running: boolean;
  readonly exitCode: number;
  readonly health: string | null;
}

export interface Stack {
  readonly url: string;
  readonly token: string;
  /** Runs Compose on this stack; rejects with what it printed. */
  compose(args: readonly string[]): Promise<string>;
  containers(): Promise<readonly ContainerState[]>;
  /** Waits until every container is healthy. */
  awaitHealthy(): Promise<void>;
  /** Command lines of the processes in a container, by their ids on the host. */
  processes(containerId: string): Promise<ReadonlyMap<number, string>>;
  /** Removes the stack with everything it made. */
  remove(): Promise<void>;
}

/** Whatever an engine keeps, by id: compared before and after. */
export interface Belongings {
  readonly containers: readonly string[];
  readonly volumes: readonly string[];
  readonly networks: readonly string[];
  readonly images: readonly string[];
}

/** Builds the image of this checkout and starts all parts. `env` is added to what the env file says. */
export async function startStack(
  engine: Extract<Engine, { status: 'ready' }>,
  options: { readonly workers: number },
): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-compose-'));
  const token = randomBytes(32).toString('hex');
  const port = await freePort();
  await writeFile(
    join(folder, 'env'),
    [
      `HOLDFAST_TOKEN=${token}`,
      `HOLDFAST_REDIS_PASSWORD=${randomBytes(32).toString('hex')}`,
      `HOLDFAST_PORT=${port}`,
      'HOLDFAST_MODEL=demo',
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  const project = `holdfast-test-${randomBytes(4).toString('hex')}`;
  const compose = composeOf(engine, ['-p', project, '--env-file', join(folder, 'env')]);
  const stack = stackOf({ project, compose, url: `http://127.0.0.1:${port}`, token, folder });
  try {
    await compose(['build']);
    await compose(['up', '-d', '--scale', `worker=${options.workers}`]);
    await stack.awaitHealthy();
    return stack;
  } catch (error) {
    const logs = await compose(['logs', '--tail=40']).catch(() => '');
    await stack.remove();
    throw new Error(`the stack did not start:\n${logs}`, { cause: error });
  }
}

/** Compose in the checkout, without a variable of the caller's that docker-compose.yml reads. */
export function composeOf(
  engine: Extract<Engine, { status: 'ready' }>,
  front: readonly string[],
): (args: readonly string[]) => Promise<string> {
  const env = Object.fromEntries(
    Object.entries(withoutModelCredentials(process.env)).filter(([name]) => !name.startsWith('HOLDFAST_')),
  );
  const [file, ...args] = engine.compose;
  return async (own) => {
    const options = { cwd: checkout, env, timeout: BUILD_LIMIT_MS, maxBuffer: 64 * 1024 * 1024 };
    const { stdout } = await execute(file, [...args, ...front, ...own], options);
    return stdout;
  };
}

export async function belongings(): Promise<Belongings> {
  const ids = async (...args: string[]): Promise<string[]> =>
    [...new Set((await docker(...args)).split('\n').filter((line) => line !== ''))].sort();
  return {
    containers: await ids('ps', '--all', '--quiet', '--no-trunc'),
    volumes: await ids('volume', 'ls', '--quiet'),
    networks: await ids('network', 'ls', '--quiet', '--no-trunc'),
    images: await ids('images', '--all', '--quiet', '--no-trunc'),
  };
}

export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await execute('docker', args, { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

function stackOf(made: {
  readonly project: string;
  readonly compose: (args: readonly string[]) => Promise<string>;
  readonly url: string;
  readonly token: string;
  readonly folder: string;
}): Stack {
  const { project, compose, url, token, folder } = made;
  const containers = (): Promise<readonly ContainerState[]> => listContainers(project);
  return {
    url,
    token,
    compose,
    containers,
    awaitHealthy: async () =>
      void (await until(
        async () => {
          const states = await containers();
          return states.length > 0 && states.every(({ health }) => health === 'healthy');
        },
        { what: 'every container to be healthy', limitMs: 90_000 },
      )),
    processes: async (containerId) => {
      const [, ...lines] = (await docker('top', containerId, '-eo', 'pid,args')).trim().split('\n');
      return new Map(
        lines.map((line) => {
          const [pid = '', ...args] = line.trim().split(/\s+/);
          return [Number(pid), args.join(' ')];
        }),
      );
    },
    remove: async () => {
      await compose(['down', '--volumes', '--remove-orphans', '--rmi', 'local', '--timeout', '20']);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const CONTAINER_FORMAT = [
  '{{.Id}}',
  '{{index .Config.Labels "com.docker.compose.service"}}',
  '{{.State.Running}}',
  '{{.State.ExitCode}}',
  '{{if .State.Health}}{{.State.Health.Status}}{{end}}',
].join('\t');

async function listContainers(project: string): Promise<readonly ContainerState[]> {
  const filter = `label=com.docker.compose.project=${project}`;
  const ids = (await docker('ps', '--all', '--quiet', '--filter', filter)).split('\n').filter(Boolean);
  if (ids.length === 0) return [];
  const lines = (await docker('inspect', '--format', CONTAINER_FORMAT, ...ids)).trim().split('\n');
  return lines.map((line) => {
    const [id = '', service = '', running = '', exitCode = '', health = ''] = line.split('\t');
    return {
      id,
      service,
      running: running === 'true',
      exitCode: Number(exitCode),
      health: health === '' ? null : health,
    };
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
