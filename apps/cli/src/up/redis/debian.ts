// Fetches Debian's redis-server and the libraries it lacks, and unpacks them without installing anything.
import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UpFailure, errorCode, explainWriteError } from '../failure.ts';
import { runTool, type ToolResult } from '../run-tool.ts';

const APT_LIMIT_MS = 150_000;
const PROGRESS_MS = 5_000;

/** Never taken from a package: a C library other than the running one breaks every program. */
const KEPT_FROM_SYSTEM = /^(libc6|libc-bin|libcrypt1|libpam)/;

/** Where the unpacked `redis-server` is once {@link fetchDebianRedis} has succeeded. */
export function unpackedRedisPath(dataDir: string): string {
  return join(dataDir, 'redis-debian/bin/redis-server');
}

/**
 * Downloads with `apt-get download` (no root, no lock of the system) and unpacks with `dpkg-deb -x`;
 * resolves to the path of a `redis-server` that finds its libraries. Appears in one step under its name.
 */
export async function fetchDebianRedis(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly dataDir: string;
  readonly progress: (line: string) => void;
}): Promise<string> {
  const apt = new PrivateApt(join(options.dataDir, 'apt'), options.env);
  const draft = join(options.dataDir, `redis-debian.${process.pid}`);
  const startedAt = Date.now();
  options.progress(
    'fetching Redis from Debian packages (unpacked under the data folder, nothing is installed)',
  );
  const ticker = setInterval(() => {
    options.progress(`fetching Redis: ${Math.round((Date.now() - startedAt) / 1000)} s so far`);
  }, PROGRESS_MS);
  try {
    await mkdir(join(draft, 'bin'), { recursive: true });
    await apt.download(await apt.packageNames(), draft);
    await unpack(draft);
    await writeWrappers(draft, join(options.dataDir, 'redis-debian'));
    await rm(join(options.dataDir, 'redis-debian'), { recursive: true, force: true });
    await rename(draft, join(options.dataDir, 'redis-debian'));
    return unpackedRedisPath(options.dataDir);
  } catch (error) {
    throw explainWriteError(error, options.dataDir);
  } finally {
    clearInterval(ticker);
    await rm(draft, { recursive: true, force: true });
    if (!apt.isLockedByAnother) await rm(join(options.dataDir, 'apt'), { recursive: true, force: true });
  }
}

/** `apt-get` with the system's package lists, or with lists of its own where the system's are empty. */
class PrivateApt {
  readonly #directory: string;
  readonly #env: NodeJS.ProcessEnv;
  #options: readonly string[] = ['-o', 'APT::Sandbox::User='];

  constructor(directory: string, env: NodeJS.ProcessEnv) {
    this.#directory = directory;
    this.#env = env;
  }

  /** True when another process works in the same folder, which must then be left to it. */
  isLockedByAnother = false;

  /** redis-server, redis-tools and the libraries that this machine lacks for them. */
  async packageNames(): Promise<string[]> {
    const simulate = ['--simulate', '--no-install-recommends', 'install', 'redis-server'];
    let plan = await this.#run(simulate);
    if (plan.exitCode !== 0) {
      await this.#useOwnLists();
      plan = await this.#run(simulate);
    }
    if (plan.exitCode !== 0) throw explainAptFailure(plan);
    const libraries = [...plan.stdout.matchAll(/^Inst (\S+)/gm)]
      .map((match) => match[1] ?? '')
      .filter((name) => name.startsWith('lib') && !KEPT_FROM_SYSTEM.test(name));
    return ['redis-server', 'redis-tools', ...libraries];
  }

  async download(names: readonly string[], into: string): Promise<void> {
    let result = await this.#run(['download', ...names], into);
    if (result.exitCode !== 0) {
      // The system's lists may name a version that the mirror has since replaced.
      await this.#useOwnLists();
      result = await this.#run(['download', ...names], into);
    }
    if (result.exitCode !== 0) throw explainAptFailure(result);
  }

  async #useOwnLists(): Promise<void> {
    const state = join(this.#directory, 'state');
    const cache = join(this.#directory, 'cache');
    await mkdir(join(state, 'lists/partial'), { recursive: true });
    await mkdir(join(cache, 'archives/partial'), { recursive: true });
    const settings = [
      'APT::Sandbox::User=',
      `Dir::State=${state}`,
      `Dir::State::Lists=${join(state, 'lists')}`,
      'Dir::State::status=/var/lib/dpkg/status',
      `Dir::Cache=${cache}`,
    ];
    this.#options = settings.flatMap((setting) => ['-o', setting]);
    const update = await this.#run(['update']);
    this.isLockedByAnother = lockIn(update.stderr) !== undefined;
    if (update.exitCode !== 0) throw explainAptFailure(update);
  }

  #run(args: readonly string[], cwd?: string): Promise<ToolResult> {
    return runTool({
      file: 'apt-get',
      args: ['-q', '-y', ...this.#options, ...args],
      limitMs: APT_LIMIT_MS,
      env: this.#env,
      ...(cwd === undefined ? {} : { cwd }),
    });
  }
}

/** apt has one exit code for everything, so its (English) messages are all there is to tell the cases apart. */
export function explainAptFailure(result: ToolResult): UpFailure {
  const lock = lockIn(result.stderr);
  if (lock !== undefined) {
    const holder = lock.pid === undefined ? '' : ` by process ${lock.pid}`;
    return new UpFailure(
      `Debian's package manager is locked${holder} (${lock.path}).`,
      'Wait until it is done, then run "npm run up" again, or install redis-server 7.0 or newer yourself.',
    );
  }
  if (/No space left on device/.test(result.stderr)) {
    return new UpFailure('The disk is full: Redis cannot be unpacked.', 'Free about 100 MB and try again.');
  }
  const first =
    result.stderr.split('\n').find((line) => line.startsWith('E: ')) ?? 'apt-get did not end in time';
  return new UpFailure(
    `Debian's Redis packages cannot be fetched (${first.replace(/^E: /, '')}).`,
    'Check the network, install Redis 7.0 or newer yourself, or set REDIS_URL.',
  );
}

function lockIn(stderr: string): { readonly path: string; readonly pid: string | undefined } | undefined {
  const found = /Could not get lock (\S+?)\.?(?: It is held by process (\d+))?(?:\s|$)/.exec(stderr);
  return found?.[1] === undefined ? undefined : { path: found[1], pid: found[2] };
}

async function unpack(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.deb'))) {
    const file = join(folder, name);
    const result = await runTool({
      file: 'dpkg-deb',
      args: ['-x', file, join(folder, 'root')],
      limitMs: APT_LIMIT_MS,
    });
    if (result.exitCode !== 0) throw explainAptFailure(result);
    await rm(file);
  }
}

/** Small scripts that show the programs the unpacked libraries; `exec` keeps the pid. */
async function writeWrappers(draft: string, home: string): Promise<void> {
  const folders = await Promise.all(
    ['root/usr/lib', 'root/lib'].map((folder) => libraryFolders(draft, folder)),
  );
  const libraries = folders.flat().map((folder) => join(home, folder));
  for (const name of ['redis-server', 'redis-check-aof', 'redis-cli']) {
    const lines = [
      '#!/bin/sh',
      ...(libraries.length === 0 ? [] : [`export LD_LIBRARY_PATH=${shellWord(libraries.join(':'))}`]),
      `exec ${shellWord(join(home, 'root/usr/bin', name))} "$@"`,
      '',
    ];
    await writeFile(join(draft, 'bin', name), lines.join('\n'));
    await chmod(join(draft, 'bin', name), 0o755);
  }
}

/** The folders of one processor's libraries ("x86_64-linux-gnu") under `folder`, which may be missing. */
async function libraryFolders(draft: string, folder: string): Promise<string[]> {
  try {
    const names = await readdir(join(draft, folder));
    return names.filter((name) => name.includes('-linux-')).map((name) => join(folder, name));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
