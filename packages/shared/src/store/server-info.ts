// Facts about the Redis server itself: its version, its run id, its memory.
import type { Redis } from 'ioredis';

export interface ServerInfo {
  readonly version: string;
  /** Changes with every start of the server: after that, the tail of what was written may be gone. */
  readonly runId: string;
  readonly usedMemoryBytes: number;
  /** 0: no limit is set. */
  readonly maxMemoryBytes: number;
}

export interface Persistence {
  /** `noeviction`, or how data is thrown away when memory is short. */
  readonly evictionPolicy: string;
  readonly hasAppendOnlyFile: boolean;
  /** Whether the last write to the append-only file succeeded. */
  readonly isWriting: boolean;
}

/** The oldest server that has sharded pub/sub, which everything here leans on. */
export const MIN_REDIS_MAJOR = 7;

export async function readServerInfo(redis: Redis): Promise<ServerInfo> {
  const field = fieldsOf(await redis.info('server', 'memory'));
  return {
    version: field('redis_version'),
    runId: field('run_id'),
    usedMemoryBytes: Number(field('used_memory')),
    maxMemoryBytes: Number(field('maxmemory')),
  };
}

/** Whether what is written stays: for those who operate it. */
export async function readPersistence(redis: Redis): Promise<Persistence> {
  const field = fieldsOf(await redis.info('memory', 'persistence'));
  return {
    evictionPolicy: field('maxmemory_policy'),
    hasAppendOnlyFile: field('aof_enabled') === '1',
    isWriting: field('aof_last_write_status') === 'ok',
  };
}

function fieldsOf(text: string): (name: string) => string {
  return (name) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(text)?.[1] ?? '';
}
