// A private Redis server for one test file: own folder, Unix socket, password; ended with the test.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@holdfast/shared/runtime';
import { createCommandRedis, type Redis, type RedisAddress } from '@holdfast/shared/store';
import { until } from './until.ts';

export const silentLogger = createLogger({ part: 'test', level: 'silent' });

export interface TestRedis extends AsyncDisposable {
  readonly address: RedisAddress;
  readonly dir: string;
  /** The server's process; a new one after `restart`. */
  process(): ChildProcess;
  /** A connection that is closed with the server. */
  connect(): Redis;
  /** Ends the server with `signal` and starts it again on the same data. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the server with `signal` and leaves it down. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
}

/** Starts redis-server from PATH (or TEST_REDIS_SERVER); `extra` are further command-line settings. */
export async function startRedis(extra: readonly string[] = []): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
  const address = { url: join(dir, 'redis.sock'), password: 'test-password' };
  const connections: Redis[] = [];
  let server: ChildProcess | undefined;

  const connect = (): Redis => {
    const redis = createCommandRedis(address, silentLogger, 'test');
    connections.push(redis);
    return redis;
  };
  const start = async (): Promise<void> => {
    server = spawn(
      process.env.TEST_REDIS_SERVER ?? 'redis-server',
      [
        ...['--port', '0', '--unixsocket', address.url, '--unixsocketperm', '600', '--dir', dir],
        ...[
          '--requirepass',
          address.password,
          '--save',
          '',
          '--appendonly',
          'yes',
          '--appendfsync',
          'everysec',
        ],
        ...['--loglevel', 'warning', ...extra],
      ],
      { stdio: 'ignore' },
    );
    await once(server, 'spawn');
    const probe = createCommandRedis(address, silentLogger, 'probe');
    try {
      const answers = async (): Promise<boolean> => (await probe.ping().catch(() => '')) === 'PONG';
      // Loading a big append-only file takes a while on a busy machine.
      await until(answers, { what: 'redis to answer', limitMs: 60_000 });
    } finally {
      probe.disconnect();
    }
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const running = server;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const closed = once(running, 'close');
    running.kill(signal);
    await closed;
  };
  await start();
  return {
    address,
    dir,
    connect,
    stop,
    start,
    process: () => {
      if (server === undefined) throw new Error('redis is not running');
      return server;
    },
    restart: async (signal) => {
      await stop(signal);
      await start();
    },
    [Symbol.asyncDispose]: async () => {
      for (const redis of connections) redis.disconnect();
      await stop('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}
