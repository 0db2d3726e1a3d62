// Brings everything up in order, says what is ready, and takes it down again.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseModel, findClaude, type ModelChoice } from '@holdfast/shared/runtime';
import { clientFilePath, readClientFile, writeClientFile } from '../client-file.ts';
import { pathOfMachine, type UpConfig } from './environment.ts';
import { explainWriteError, UpFailure } from './failure.ts';
import { createFolders, layoutOf, socketPath, SOCKET_FOLDER_PREFIX, type Layout } from './layout.ts';
import { acquireLock, awaitPublished } from './lock.ts';
import { PartLog } from './logs.ts';
import { catalogueOf, GATEWAY, gatewayUrl, type Catalogue, type PartsContext } from './parts/catalogue.ts';
import { privateRedisPassword } from './parts/redis-part.ts';
import { ensurePage } from './page.ts';
import { checkPortFree } from './port.ts';
import { cleanUpRecorded, ProcessRecord } from './process/record.ts';
import { findSetpriv } from './process/spawn-part.ts';
import { parseRedisAddress, showRedisAddress } from './redis/address.ts';
import { checkExternalRedis } from './redis/facts.ts';
import { ensureRedisServer } from './redis/source.ts';
import { System } from './system.ts';

/** How long a second `up` waits for the first one to be ready before it says that it is still starting. */
const OTHER_UP_READY_MS = 30_000;
const LOG_CHECK_MS = 60_000;

export interface UpOptions {
  readonly checkout: string;
  readonly env: NodeJS.ProcessEnv;
  readonly config: UpConfig;
  readonly say: (line: string) => void;
  /** Aborted when a signal asks everything to stop, also while it is still starting. */
  readonly stop: AbortSignal;
  /** Called once, with the function that kills every part at once. */
  readonly onKillable: (killNow: () => void) => void;
}

/** Runs until `stop` is aborted; throws UpFailure when the start fails. No process or socket stays either way. */
export async function runUp(options: UpOptions): Promise<void> {
  const layout = layoutOf(options.config.HOLDFAST_DATA_DIR);
  await createFolders(layout);
  const outcome = await acquireLock(layout.lock).catch((error: unknown) => {
    throw explainWriteError(error, layout.dataDir);
  });
  if (outcome.status === 'held') {
    await sayRunning(options, layout, outcome.pid);
    return;
  }
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => outcome.lock.release());
  for (const { name, identity } of await cleanUpRecorded(layout.processes)) {
    options.say(`${name.padEnd(10)} of a killed run was still there; ended it (pid ${identity.pid})`);
  }
  const folder = await socketFolder(layout);
  if (folder !== undefined) cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const record = new ProcessRecord(layout.processes, folder === undefined ? [] : [folder]);
  cleanup.defer(() => record.discard());

  const startedAt = performance.now();
  const context = await prepare(options, layout, folder ?? layout.redis);
  if (options.stop.aborted) return;
  const building = new AbortController();
  const page = ensurePage(options.checkout, options.env, building.signal);
  cleanup.defer(async () => {
    building.abort();
    await page;
  });
  options.stop.addEventListener('abort', () => building.abort());
  const catalogue = catalogueOf(context);
  const system = createSystem(catalogue, { options, layout, record });
  cleanup.defer(() => system.stop());
  options.onKillable(() => system.killNow());
  options.stop.addEventListener('abort', () => void system.stop());
  await startSystem(system, options.stop);
  if (options.stop.aborted) return;

  const url = gatewayUrl(options.config.HOLDFAST_HOST, catalogue.gatewayPort());
  await writeClientFile(clientFilePath(layout.dataDir), { url, token: context.token });
  const pageProblem = await page;
  if (pageProblem !== undefined) options.say(`page       ${pageProblem}`);
  await outcome.lock.publish(url);
  sayReady(options, { url, context, seconds: (performance.now() - startedAt) / 1000 });
  await keepRunning(system, options.stop);
}

/** Everything that can be refused is refused here, before the first part starts. */
async function prepare(options: UpOptions, layout: Layout, socketFolder: string): Promise<PartsContext> {
  const { config, env } = options;
  const claude = findClaude(env);
  if (claude.status === 'missing') throw new UpFailure(claude.problem, '');
  if (config.HOLDFAST_PORT !== 0) await checkPortFree(config.HOLDFAST_HOST, config.HOLDFAST_PORT);
  return {
    checkout: options.checkout,
    env,
    config,
    layout,
    model: chooseModel(env),
    token: config.HOLDFAST_TOKEN ?? (await keptToken(layout)) ?? randomBytes(32).toString('base64url'),
    redis: await prepareRedis(options, layout, socketFolder),
  };
}

async function prepareRedis(
  options: UpOptions,
  layout: Layout,
  socketFolder: string,
): Promise<PartsContext['redis']> {
  const url = options.env['REDIS_URL'] ?? '';
  if (url !== '') {
    const address = parseRedisAddress(url, options.config.HOLDFAST_REDIS_PASSWORD);
    const facts = await checkExternalRedis(address);
    options.say(`redis      ready  ${facts.version}, from REDIS_URL (${showRedisAddress(address)})`);
    if (facts.evictionPolicy !== 'noeviction') {
      options.say(
        `redis      has maxmemory-policy ${facts.evictionPolicy}: set it to noeviction, or data is lost`,
      );
    }
    return { kind: 'external', url };
  }
  const env = { ...options.env, PATH: pathOfMachine(options.env['PATH'], options.checkout) };
  const program = await ensureRedisServer({ env, dataDir: layout.dataDir, progress: options.say });
  return {
    kind: 'private',
    server: {
      program,
      directory: layout.redis,
      socket: socketPath(layout, socketFolder),
      password: await privateRedisPassword(layout.redis),
      env,
      say: options.say,
    },
  };
}

function createSystem(
  catalogue: Catalogue,
  context: { options: UpOptions; layout: Layout; record: ProcessRecord },
): System {
  const { options, layout, record } = context;
  const setpriv = findSetpriv(options.env['PATH']);
  return new System(catalogue.groups, {
    stopFirst: GATEWAY,
    deps: (name) => ({ log: new PartLog(layout.logs, name), record, setpriv, say: options.say }),
  });
}

/** A start that fails because a signal stops everything is no failure. */
async function startSystem(system: System, stop: AbortSignal): Promise<void> {
  try {
    await system.start();
  } catch (error) {
    await system.stop();
    if (!stop.aborted) throw error;
  }
}

async function keepRunning(system: System, stop: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const logCheck = setInterval(() => {
    for (const part of system.parts) part.log.bound();
  }, LOG_CHECK_MS);
  stop.addEventListener('abort', () => resolve());
  if (!stop.aborted) await promise;
  clearInterval(logCheck);
}

/** A folder of our own for the socket, where the data folder's path is too long to hold one. */
async function socketFolder(layout: Layout): Promise<string | undefined> {
  if (socketPath(layout, '') !== 'redis.sock') return undefined;
  return mkdtemp(join(tmpdir(), SOCKET_FOLDER_PREFIX));
}

async function keptToken(layout: Layout): Promise<string | undefined> {
  const file = await readClientFile(clientFilePath(layout.dataDir));
  return file.status === 'found' ? file.token : undefined;
}

async function sayRunning(options: UpOptions, layout: Layout, pid: number): Promise<void> {
  const state = await awaitPublished(layout.lock, OTHER_UP_READY_MS);
  if (state.state !== 'held') throw new UpFailure('The other "npm run up" has just ended.', 'Run it again.');
  if (state.url === undefined) {
    options.say(`already starting here (pid ${pid}); it is not ready yet`);
    return;
  }
  options.say(`already running here (pid ${pid}) at ${state.url}`);
  const token = await keptToken(layout);
  if (token !== undefined) options.say(`open       ${loginLink(state.url, token)}`);
}

function sayReady(options: UpOptions, ready: { url: string; context: PartsContext; seconds: number }): void {
  const { model, token } = ready.context;
  options.say(`model      ${describeModel(model)}`);
  if (model.warning !== undefined) options.say(`model      ${model.warning}`);
  options.say(`open       ${loginLink(ready.url, token)}`);
  options.say('try        npx --no-install holdfast new --prompt "What can you do?"');
  options.say(`ready in ${ready.seconds.toFixed(1)} s; Ctrl-C stops everything`);
}

function describeModel(model: ModelChoice): string {
  const name = model.mode === 'demo' ? 'the demo model (scripted, offline)' : 'the real model';
  return `${name} answers, because ${model.because}; to change it, ${model.changeBy} and start again`;
}

function loginLink(url: string, token: string): string {
  return `${url}/login?token=${encodeURIComponent(token)}`;
}
