// The frame of a benchmark: a clean environment, a redis-server to start, and an end that leaves nothing behind,
// however it comes.
import { mkdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutModelCredentials } from '@holdfast/shared/runtime';
import { ensureRedisServer } from '../../apps/cli/src/up/redis/source.ts';
import { Report } from './report.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** What a benchmark's main function gets. */
export interface Bench {
  readonly report: Report;
  /** Starts something that must end with the benchmark, also if it is interrupted meanwhile. */
  own<T extends AsyncDisposable>(start: Promise<T>): Promise<T>;
  /** Ends what was owned before the benchmark does. */
  release(owned: AsyncDisposable): Promise<void>;
}

/**
 * Runs a benchmark and prints its report. Ctrl-C, SIGTERM, the loss of the parent and a failure all end
 * everything that was started, last started first; no JSON is printed then, and the exit code is not 0.
 */
export async function runBench(name: string, main: (bench: Bench) => Promise<void>): Promise<void> {
  const owned = new Owned();
  let isEnding = false;
  const end = (code: number): void => {
    if (isEnding) return;
    isEnding = true;
    void owned.endAll().then(() => process.exit(code));
  };
  process.on('SIGINT', () => end(130));
  process.on('SIGTERM', () => end(143));
  process.on('SIGHUP', () => end(129));
  process.on('disconnect', () => end(1));
  try {
    await cleanEnvironment();
    const report = new Report(name);
    await main({
      report,
      own: async (start) => owned.add(start),
      release: async (one) => owned.end(one),
    });
    await owned.endAll();
    if (isEnding) return;
    report.finish();
    // A benchmark that is also a test has set the exit code.
    process.exit();
  } catch (error) {
    // What fails while everything is being ended fails because of that.
    if (!isEnding) process.stderr.write(`${describe(error)}\n`);
    end(1);
  }
}

/** What the person at the command line did wrong: told without a stack. */
export class UsageError extends Error {}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isUsage =
    error instanceof UsageError || ('code' in error && error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION');
  return isUsage ? error.message : (error.stack ?? error.message);
}

/** Takes credentials and settings out of our own environment, and puts a usable redis-server on PATH. */
async function cleanEnvironment(): Promise<void> {
  const clean = withoutModelCredentials(process.env);
  for (const name of Object.keys(process.env)) {
    if (!Object.hasOwn(clean, name) || name.startsWith('HOLDFAST_') || name === 'REDIS_URL') {
      delete process.env[name];
    }
  }
  const dataDir = join(checkout, '.holdfast');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const { file } = await ensureRedisServer({ env: process.env, dataDir, progress });
  process.env['PATH'] = [process.env['PATH'] ?? '', dirname(file)].join(delimiter);
}

interface Entry {
  readonly start: Promise<AsyncDisposable>;
  thing: AsyncDisposable | undefined;
}

class Owned {
  #entries: Entry[] = [];
  #ending: Promise<void> | undefined;

  async add<T extends AsyncDisposable>(start: Promise<T>): Promise<T> {
    if (this.#ending !== undefined) {
      await start.then(async (thing) => thing[Symbol.asyncDispose]());
      throw new Error('the benchmark is ending');
    }
    const entry: Entry = { start, thing: undefined };
    this.#entries.push(entry);
    const thing = await start;
    entry.thing = thing;
    return thing;
  }

  async end(one: AsyncDisposable): Promise<void> {
    this.#entries = this.#entries.filter(({ thing }) => thing !== one);
    await one[Symbol.asyncDispose]();
  }

  async endAll(): Promise<void> {
    this.#ending ??= this.#endAll();
    await this.#ending;
  }

  /** One after the other: what was started last may use what was started before it. */
  async #endAll(): Promise<void> {
    for (const { start } of this.#entries.toReversed()) {
      await start.then(async (thing) => thing[Symbol.asyncDispose]()).catch(() => undefined);
    }
  }
}
