// Runs the real `npm run up` of this repository on a data folder of its own, and finds everything it started.
import { chmod, chown, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { until } from '../../support/until.ts';
import { repository } from './fixture.ts';
import { isRoot, NOBODY, startCommand, type Running } from './run.ts';

export interface UpProcess extends Running {
  /** Resolves to the printed login link once everything is ready. */
  readonly ready: () => Promise<URL>;
  /** The pid of the process that supervises the parts. */
  readonly pid: () => Promise<number>;
  /** The pid of a part, as recorded. */
  readonly partPid: (name: string) => Promise<number>;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly command?: readonly [string, ...string[]];
  readonly hasInput?: boolean;
}

export interface UpHome extends AsyncDisposable {
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly start: (options?: StartOptions) => UpProcess;
  /** Command lines of all processes that have to do with the data folder. */
  readonly processes: () => Promise<string[]>;
}

/** Machine settings only: no credentials, nothing of Holdfast, no Redis but the one `up` starts. */
export function cleanEnv(): NodeJS.ProcessEnv {
  return {
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    HOME: tmpdir(),
    npm_config_update_notifier: 'false',
  };
}

export async function createHome(options: { asNobody?: boolean; name?: string } = {}): Promise<UpHome> {
  const root = await mkdtemp(join(tmpdir(), 'hf-up-'));
  const asNobody = options.asNobody === true && isRoot;
  if (asNobody) await chown(root, NOBODY, NOBODY);
  await chmod(root, 0o755);
  const dataDir = join(root, options.name ?? 'data');
  const env = { ...cleanEnv(), HOME: root, HOLDFAST_DATA_DIR: dataDir, HOLDFAST_PORT: '0' };
  const read = async (file: string): Promise<Record<string, never>> =>
    JSON.parse(await readFile(join(dataDir, file), 'utf8'));
  const start: UpHome['start'] = (how = {}) => {
    const running = startCommand(how.command ?? ['npm', 'run', '--silent', 'up'], {
      cwd: repository,
      env: { ...env, ...how.env },
      asNobody,
      hasInput: how.hasInput ?? false,
    });
    const ready = async (): Promise<URL> => {
      const link = /^holdfast: open +(\S+)[\s\S]*^holdfast: ready in/m;
      let over = false;
      void running.ended.then(() => (over = true));
      await until(() => over || link.test(running.output()), { what: 'up to be ready', limitMs: 30_000 });
      const found = link.exec(running.output())?.[1];
      if (found === undefined) throw new Error(`up ended before it was ready:\n${running.output()}`);
      return new URL(found);
    };
    return {
      ...running,
      ready,
      pid: async () => Number((await read('up.lock'))['holder']?.['pid']),
      partPid: async (name) => Number((await read('processes.json'))['processes']?.[name]?.['pid']),
    };
  };
  return {
    dataDir,
    env,
    start,
    processes: () => processesOf(dataDir),
    [Symbol.asyncDispose]: async () => {
      for (const { pid } of await scan(dataDir)) process.kill(pid, 'SIGKILL');
      await until(async () => (await scan(dataDir)).length === 0, { what: 'all processes to be gone' });
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Command lines of all processes of the machine whose command line has `text`. */
export async function processesWith(text: string): Promise<string[]> {
  return (await allProcesses()).map(({ command }) => command).filter((command) => command.includes(text));
}

async function processesOf(dataDir: string): Promise<string[]> {
  return (await scan(dataDir)).map(({ command }) => command);
}

/** Every process whose command line, environment or working directory names the folder, but for this one. */
async function scan(folder: string): Promise<Process[]> {
  return (await allProcesses()).filter(({ command, environ, cwd }) =>
    [command, environ, cwd].some((text) => text.includes(folder)),
  );
}

interface Process {
  readonly pid: number;
  readonly command: string;
  readonly environ: string;
  readonly cwd: string;
}

async function allProcesses(): Promise<Process[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  return Promise.all(
    pids.map(async (pid) => {
      const read = (name: string): Promise<string> =>
        readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
      const command = (await read('cmdline')).replaceAll('\0', ' ').trim();
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      return { pid, command, environ: await read('environ'), cwd };
    }),
  );
}

/** Expects that no process of the home is left within 5 s. */
export async function allGone(home: UpHome): Promise<void> {
  const gone = until(async () => (await home.processes()).length === 0, { what: 'the end', limitMs: 5_000 });
  await gone.catch(() => {});
  expect(await home.processes()).toEqual([]);
}
