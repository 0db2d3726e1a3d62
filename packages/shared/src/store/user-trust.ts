// Folders whose configuration a user trusts: their rules and MCP servers are then given to agents that start there.
import type { Redis } from 'ioredis';
import type { UserId } from '../protocol/ids.ts';
import { userTrustKey } from './keys.ts';

export interface UserTrust {
  isTrusted(userId: UserId, cwd: string): Promise<boolean>;
  /** Agents that run keep what they were started with. */
  set(userId: UserId, cwd: string, isTrusted: boolean): Promise<void>;
}

export function createUserTrust(redis: Redis): UserTrust {
  return {
    isTrusted: async (userId, cwd) => (await redis.hexists(userTrustKey(userId), cwd)) === 1,
    set: async (userId, cwd, isTrusted) => {
      const key = userTrustKey(userId);
      if (isTrusted) await redis.hset(key, cwd, Date.now());
      else await redis.hdel(key, cwd);
    },
  };
}
