// Real processes of the product for system tests: started with an IPC channel, ready when they say so, ended by pid.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { withoutModelCredentials } from '@holdfast/shared/runtime';
import { coverageOfProcess, disposeSignal } from './coverage.ts';
import type { TestRedis } from './redis.ts';

export const TEST_TOKEN = 'test-token-0123456789';

/** How long a process may take to say that it is ready, and how long to end when asked. */
const READY_MS = 20_000;
const STOP_MS = 10_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running process of the product. Disposing it kills it and waits for its end. */
export interface Service extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What its ready message carried. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Everything it wrote to stdout and stderr so far. */
  output(): string;
  /** Its log lines, parsed. */
  logs(): Record<string, unknown>[];
  /** Sends the signal and waits for the end; SIGKILL follows if that takes too long. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
  isRunning(): boolean;
}

export interface ServiceInput {
  /** Path of the main file, from the root of the checkout. */
  readonly main: string;
  /** The whole environment but PATH, HOME (the folder for temporary files), LANG and TMPDIR; credentials of the caller never get in. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts `node <main>` and waits for its ready message. Throws with its output when it ends instead. */
export async function startService({ main, env }: ServiceInput): Promise<Service> {
  const running = launch(main, env);
  try {
    const ready = await waitForReady(running);
    return { ...serviceOf(running), ready };
  } catch (error) {
    await stop(running, 'SIGKILL');
    throw error;
  }
}

/** Starts `node <main>`, expecting that it refuses to start: waits for its end. */
export async function runToExit({ main, env }: ServiceInput): Promise<Exit & { readonly output: string }> {
  const running = launch(main, env);
  try {
    return { ...(await running.exited), output: running.output() };
  } finally {
    await stop(running, 'SIGKILL');
  }
}

export interface TestGateway extends Service {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** `ws://127.0.0.1:<port>/v1/ws` */
  readonly wsUrl: string;
  readonly token: string;
  /** Where its sessions may work. */
  readonly workspaces: string;
}

export interface GatewayInput {
  readonly redis: Pick<TestRedis, 'address'>;
  readonly env?: Readonly<Record<string, string>>;
  /** A folder shared with other processes; a temporary one of its own by default. */
  readonly dataDir?: string;
}

export async function startGateway({ redis, env = {}, dataDir }: GatewayInput): Promise<TestGateway> {
  const own = dataDir === undefined ? await makeDataDir() : undefined;
  const dir = dataDir ?? own?.path ?? '';
  const service = await startService({
    main: 'apps/gateway/src/main.ts',
    env: {
      ...redisEnv(redis),
      HOLDFAST_HOST: '127.0.0.1',
      HOLDFAST_PORT: '0',
      HOLDFAST_TOKEN: TEST_TOKEN,
      HOLDFAST_DATA_DIR: dir,
      ...env,
    },
  });
  const { port } = z.object({ port: z.int() }).parse(service.ready);
  return {
    ...service,
    port,
    url: `http://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${port}/v1/ws`,
    token: env['HOLDFAST_TOKEN'] ?? TEST_TOKEN,
    workspaces: join(dir, 'workspaces'),
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await own?.[Symbol.asyncDispose]();
    },
  };
}

export interface WorkerInput {
  readonly redis: Pick<TestRedis, 'address'>;
  readonly dataDir: string;
  readonly demoModel?: Pick<TestDemoModel, 'url'>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a worker on the demo model, never on a real one. */
export async function startWorker({ redis, dataDir, demoModel, env = {} }: WorkerInput): Promise<Service> {
  return startService({
    main: 'apps/worker/src/main.ts',
    env: {
      ...redisEnv(redis),
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_MODEL: 'demo',
      HOLDFAST_DRAIN_SECONDS: '0',
      ...(demoModel === undefined ? {} : { HOLDFAST_DEMO_MODEL_URL: demoModel.url }),
      ...env,
    },
  });
}

export interface TestDemoModel extends Service {
  readonly url: string;
}

export async function startDemoModel(env: Readonly<Record<string, string>> = {}): Promise<TestDemoModel> {
  const service = await startService({
    main: 'apps/demo-model/src/main.ts',
    env: { HOLDFAST_DEMO_MODEL_HOST: '127.0.0.1', HOLDFAST_DEMO_MODEL_PORT: '0', ...env },
  });
  const { port } = z.object({ port: z.int() }).parse(service.ready);
  return { ...service, url: `http://127.0.0.1:${port}` };
}

/** A data folder that several processes share; removed when disposed. */
export async function makeDataDir(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-data-'));
  return {
    path,
    [Symbol.asyncDispose]: async () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  readonly output: () => string;
}

function redisEnv(redis: Pick<TestRedis, 'address'>): Record<string, string> {
  const { url, password } = redis.address;
  return { REDIS_URL: url, ...(password === undefined ? {} : { HOLDFAST_REDIS_PASSWORD: password }) };
}

function launch(main: string, env: Readonly<Record<string, string>>): Running {
  const { PATH, LANG, TMPDIR } = withoutModelCredentials(process.env);
  // Not the caller's HOME: the CLI starts login shells, and a child that is killed in its profile may leave locks.
  const HOME = tmpdir();
  const base = Object.entries({ PATH, HOME, LANG, TMPDIR }).filter(([, value]) => value !== undefined);
  const coverage = coverageOfProcess();
  const child = spawn(process.execPath, [...coverage.nodeArgs, main], {
    cwd: new URL('../..', import.meta.url),
    env: { ...Object.fromEntries(base), ...coverage.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const chunks: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
  const exited = once(child, 'close').then(() => ({ code: child.exitCode, signal: child.signalCode }));
  return { child, exited, output: () => chunks.join('') };
}

async function waitForReady(running: Running): Promise<Record<string, unknown>> {
  const ready = once(running.child, 'message').then(([message]) =>
    z.looseObject({ type: z.literal('ready') }).parse(message),
  );
  const ended = running.exited.then((exit) => {
    throw new Error(`ended with ${JSON.stringify(exit)} before it was ready:\n${running.output()}`);
  });
  const late = pause(READY_MS, undefined, { ref: false }).then(() => {
    throw new Error(`was not ready in time:\n${running.output()}`);
  });
  return Promise.race([ready, ended, late]);
}

function serviceOf(running: Running): Omit<Service, 'ready'> {
  const { child, output } = running;
  const { pid } = child;
  if (pid === undefined) throw new Error('the process was not spawned');
  return {
    child,
    pid,
    output,
    logs: () => output().split('\n').flatMap(parseLine),
    stop: async (signal = 'SIGTERM') => stop(running, signal),
    isRunning: () => isRunning(child),
    [Symbol.asyncDispose]: async () => void (await stop(running, disposeSignal())),
  };
}

async function stop(running: Running, signal: NodeJS.Signals): Promise<Exit> {
  const { child, exited } = running;
  if (!isRunning(child)) return exited;
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  try {
    return await exited;
  } finally {
    clearTimeout(late);
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function parseLine(line: string): Record<string, unknown>[] {
  if (!line.startsWith('{')) return [];
  const parsed = z.record(z.string(), z.unknown()).safeParse(JSON.parse(line));
  return parsed.success ? [parsed.data] : [];
}
