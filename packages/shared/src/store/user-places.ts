// How many connections a user has open, over all gateways.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { ConnectionId, UserId } from '../protocol/ids.ts';
import { userPlacesKey } from './keys.ts';
import { loadScript, runScript } from './script-runner.ts';

const holdScript = loadScript('hold_place');

/** A gateway that is lost frees its users' places after this. */
const PLACE_LIFE_MS = 60_000;

export interface UserPlaces {
  /** Takes or renews the connection's place. Renew it well within a minute. */
  hold(userId: UserId, connectionId: ConnectionId, most: number): Promise<'held' | 'full'>;
  free(userId: UserId, connectionId: ConnectionId): Promise<void>;
}

export function createUserPlaces(redis: Redis): UserPlaces {
  return {
    hold: async (userId, connectionId, most) => {
      const call = { keys: [userPlacesKey(userId)], args: [connectionId, PLACE_LIFE_MS, most] };
      return z.tuple([z.enum(['held', 'full'])]).parse(await runScript(redis, holdScript, call))[0];
    },
    free: async (userId, connectionId) => {
      await redis.zrem(userPlacesKey(userId), connectionId);
    },
  };
}
