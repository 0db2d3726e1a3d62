// Everything a chaos run consists of: one Redis, two gateways behind a balancer, two writers, two workers with real
// CLIs and a demo model; each process reaches Redis on a way of its own.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SessionId } from '@holdfast/shared/protocol';
import {
  makeDataDir,
  startDemoModel,
  startGateway,
  startService,
  startWorker,
  type Service,
  type TestGateway,
} from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { parseHistory, type HistoryRecord } from '../checker/history.ts';
import { Slot, type Berth } from './slots.ts';
import type { WriterOptions } from './writer-process.ts';

export interface World {
  readonly redis: TestRedis;
  readonly gateways: readonly Slot<TestGateway>[];
  readonly writers: readonly Slot<Service>[];
  readonly workers: readonly Slot<Service>[];
  /** Where all clients connect: takes them to the gateways that run, in turn. */
  readonly balancer: TcpProxy;
  /** What the writers noted, also those that were killed. */
  readHistory(): Promise<HistoryRecord[]>;
}

type Own = <T extends AsyncDisposable>(start: Promise<T>) => Promise<T>;

const SETPRIV = '/usr/bin/setpriv';

/** A Redis that ends with this process, however that ends, where the system has a way to say so. */
export async function startTiedRedis(own: Own): Promise<TestRedis> {
  if (existsSync(SETPRIV)) {
    const dir = await own(temporaryDir('holdfast-tied-'));
    const wrapper = join(dir.path, 'redis-server');
    const real = process.env['TEST_REDIS_SERVER'] ?? 'redis-server';
    await writeFile(wrapper, `#!/bin/sh\nexec ${SETPRIV} --pdeathsig KILL ${real} "$@"\n`);
    await chmod(wrapper, 0o700);
    process.env['TEST_REDIS_SERVER'] = wrapper;
  }
  return own(startRedis(['--enable-debug-command', 'yes']));
}

export async function startWorld(
  own: Own,
  options: {
    readonly redis: TestRedis;
    readonly sessions: readonly SessionId[];
    readonly seed: number;
    /** Over all sessions. */
    readonly eventsPerSecond: number;
  },
): Promise<World> {
  const { redis } = options;
  const notes = await own(temporaryDir('holdfast-chaos-'));
  const dataDir = await own(makeDataDir());
  const demoModel = await own(startDemoModel({ HOLDFAST_LOG_LEVEL: 'error' }));
  const gateways = await openPair<TestGateway>(own, {
    ...{ name: 'gateway', redis },
    start: async (slot) =>
      startGateway({ redis: throughProxy(redis, slot.toRedis), dataDir: dataDir.path, env: quiet }),
  });
  const files: string[] = [];
  const writers = await openPair<Service>(own, {
    ...{ name: 'writer', redis },
    start: async (slot) => {
      const historyFile = join(notes.path, `${files.length}.jsonl`);
      files.push(historyFile);
      return startWriter(slot, { ...options, historyFile });
    },
  });
  const workers = await openPair<Service>(own, {
    ...{ name: 'worker', redis },
    start: async (slot) =>
      startWorker({
        ...{ redis: throughProxy(redis, slot.toRedis), dataDir: dataDir.path, demoModel },
        env: { ...quiet, HOLDFAST_WORKER_ID: slot.freshName(), HOLDFAST_MAX_CHILDREN: '4' },
      }),
  });
  let turn = 0;
  const balancer = await own(
    startTcpProxy({
      target: () => {
        turn += 1;
        const running = gateways.filter((slot) => slot.process !== null);
        const port = running[turn % Math.max(1, running.length)]?.process?.port;
        return port === undefined ? null : { port };
      },
    }),
  );
  return { redis, gateways, writers, workers, balancer, readHistory: async () => readAll(files) };
}

const quiet = { HOLDFAST_LOG_LEVEL: 'error' };

async function openPair<T extends Service>(
  own: Own,
  options: { name: string; redis: TestRedis; start: (slot: Berth) => Promise<T> },
): Promise<Slot<T>[]> {
  const { name, redis, start } = options;
  const open = async (number: number): Promise<Slot<T>> =>
    own(Slot.open({ name: `${name}-${number}`, redis, start }));
  return Promise.all([open(1), open(2)]);
}

function throughProxy(redis: TestRedis, proxy: TcpProxy): Pick<TestRedis, 'address'> {
  return { address: { ...redis.address, url: `redis://127.0.0.1:${proxy.port}` } };
}

async function startWriter(
  slot: Berth,
  options: {
    redis: TestRedis;
    sessions: readonly SessionId[];
    seed: number;
    eventsPerSecond: number;
    historyFile: string;
  },
): Promise<Service> {
  const { redis, sessions, seed, historyFile } = options;
  const own = slot.name.endsWith('1') ? 0 : 1;
  const writer: WriterOptions = {
    historyFile,
    seed: seed + own,
    eventsPerSecond: options.eventsPerSecond / sessions.length,
    wanted: sessions.map((sessionId, index) => ({ sessionId, isOwn: index % 2 === own })),
  };
  const { url, password = '' } = throughProxy(redis, slot.toRedis).address;
  return startService({
    main: 'test/chaos/writer-process.ts',
    env: {
      ...quiet,
      REDIS_URL: url,
      HOLDFAST_REDIS_PASSWORD: password,
      HOLDFAST_WORKER_ID: slot.freshName(),
      CHAOS_WRITER: JSON.stringify(writer),
    },
  });
}

async function readAll(files: readonly string[]): Promise<HistoryRecord[]> {
  const texts = await Promise.all(files.map(async (file) => readFile(file, 'utf8').catch(() => '')));
  return texts.flatMap((text) => parseHistory(text));
}

async function temporaryDir(prefix: string): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  return {
    path,
    [Symbol.asyncDispose]: async () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
