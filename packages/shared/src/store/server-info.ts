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

/** The oldest server that has sharded pub/sub, which everything here leans on. */
export const MIN_REDIS_MAJOR = 7;

export async function readServerInfo(redis: Redis): Promise<ServerInfo> {
  const text = await redis.info('server', 'memory');
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(text)?.[1] ?? '';
  return {
    version: field('redis_version'),
    runId: field('run_id'),
    usedMemoryBytes: Number(field('used_memory')),
    maxMemoryBytes: Number(field('maxmemory')),
  };
}
