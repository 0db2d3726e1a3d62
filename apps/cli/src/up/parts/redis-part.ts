// The private Redis as a supervised part.
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, explainWriteError, UpFailure } from '../failure.ts';
import { repairAof } from '../redis/aof.ts';
import { redisConfig } from '../redis/config.ts';
import { readRedisFacts } from '../redis/facts.ts';
import type { RedisServerProgram } from '../redis/source.ts';
import type { PartSpec } from './part.ts';

const READY_POLL_MS = 20;

export interface PrivateRedis {
  readonly program: RedisServerProgram;
  /** Folder of the data and the configuration. */
  readonly directory: string;
  readonly socket: string;
  readonly password: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
}

export function redisPart(redis: PrivateRedis): PartSpec {
  const config = join(redis.directory, 'redis.conf');
  return {
    name: 'redis',
    stopLimitMs: 10_000,
    prepare: async () => {
      try {
        await rm(redis.socket, { force: true });
        await writeFile(config, redisConfig(redis), { mode: 0o600 });
      } catch (error) {
        throw explainWriteError(error, redis.directory);
      }
      return {
        file: redis.program.file,
        args: [config],
        cwd: redis.directory,
        env: { PATH: redis.env['PATH'], LANG: redis.env['LANG'], TZ: redis.env['TZ'] },
        hasChannel: false,
        deathSignal: 'SIGTERM',
      };
    },
    awaitReady: async (_child, signal) => {
      await awaitLoaded(redis, signal);
      return `${redis.program.version}, private, in ${redis.directory}`;
    },
    recover: () => recover(redis),
  };
}

/** The password of the private Redis, made once and kept in a file of mode 0600. */
export async function privateRedisPassword(directory: string): Promise<string> {
  const path = join(directory, 'password');
  try {
    const kept = (await readFile(path, 'utf8')).trim();
    if (kept !== '') return kept;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw explainWriteError(error, path);
  }
  const password = randomBytes(32).toString('hex');
  await writeFile(path, `${password}\n`, { mode: 0o600 }).catch((error: unknown) => {
    throw explainWriteError(error, path);
  });
  return password;
}

async function awaitLoaded(redis: PrivateRedis, signal: AbortSignal): Promise<void> {
  const address = { kind: 'unix', path: redis.socket, login: { password: redis.password } } as const;
  while (!signal.aborted) {
    const facts = await readRedisFacts(address);
    if (facts.status === 'ready') return;
    if (facts.status === 'refused') {
      throw new UpFailure(
        `The private Redis refuses its own password (${facts.code}).`,
        `See ${redis.directory}`,
      );
    }
    await sleep(READY_POLL_MS, undefined, { signal }).catch(() => {});
  }
  throw signal.reason;
}

async function recover(redis: PrivateRedis): Promise<boolean> {
  const repair = await repairAof({ redisServer: redis.program.file, directory: redis.directory });
  switch (repair.status) {
    case 'nothing_to_repair':
      return false;
    case 'repaired':
      redis.say(
        `redis      its log had ${repair.cutBytes} damaged bytes at the end; cut off, and kept in ${repair.copy}`,
      );
      return true;
    case 'beyond_repair':
      throw new UpFailure(
        `The data of the private Redis in ${redis.directory} is damaged beyond repair.`,
        'Restore that folder from a backup, or move it away to start with no sessions.',
      );
    default:
      return false;
  }
}
