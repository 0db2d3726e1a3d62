// Who may do what in a session: its owner, and those with whom it is shared. Changes are told to all gateways.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { SessionId, UserId } from '../protocol/ids.ts';
import { SharedRole, type SessionRole } from '../protocol/roles.ts';
import { ACCESS_CHANNEL, sessionKeys, userSessionsKey } from './keys.ts';
import { loadScript, runScript } from './script-runner.ts';

const shareScript = loadScript('share_session');

/** More people than this in one session are a group, and need another way. */
export const MAX_SHARED_WITH = 100;

export interface SessionRoles {
  /** The user's role; null when there is none, no such session, or one that is being deleted. */
  roleOf(sessionId: SessionId, userId: UserId): Promise<SessionRole | null>;
  /** Those with whom the session is shared, by user id. */
  list(sessionId: SessionId): Promise<{ userId: UserId; role: SharedRole }[]>;
  /** Gives a role, or another one than before. The session is in the user's list from then on. */
  share(owner: UserId, shared: SharedSession & { readonly role: SharedRole }): Promise<ShareResult>;
  /** Takes the role away. Open connections of the user are told at once. */
  unshare(owner: UserId, shared: SharedSession): Promise<Exclude<ShareResult, 'full'>>;
}

export interface SharedSession {
  readonly sessionId: SessionId;
  readonly userId: UserId;
}

/** `full`: the session is shared with as many users as it may be. */
export type ShareResult = 'changed' | 'unchanged' | 'full' | 'not_found';

export function createSessionRoles(redis: Redis): SessionRoles {
  const change = async (owner: UserId, shared: SharedSession, role: string): Promise<ShareResult> => {
    const keys = sessionKeys(shared.sessionId);
    const reply = await runScript(redis, shareScript, {
      keys: [keys.meta, keys.roles],
      args: [owner, shared.userId, role, MAX_SHARED_WITH],
    });
    return z.tuple([z.enum(['changed', 'unchanged', 'full', 'not_found'])]).parse(reply)[0];
  };
  return {
    roleOf: async (sessionId, userId) => roleOf(redis, sessionId, userId),
    list: async (sessionId) => {
      const stored = await redis.hgetall(sessionKeys(sessionId).roles);
      return Object.entries(stored)
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([userId, role]) => ({
          userId: userId as UserId, // stored from a validated id
          role: SharedRole.parse(role),
        }));
    },
    share: async (owner, { role, ...shared }) => {
      // The list first: an entry without a role is passed over, a role without an entry would be invisible.
      const list = userSessionsKey(shared.userId);
      const added = await redis.zadd(list, 'NX', Date.now(), shared.sessionId);
      const result = await change(owner, shared, role);
      const isRefused = result === 'full' || result === 'not_found';
      if (isRefused && added === 1) await redis.zrem(list, shared.sessionId);
      if (result === 'changed') await tell(redis, shared);
      return result;
    },
    unshare: async (owner, shared) => {
      const result = await change(owner, shared, '');
      if (result === 'changed') await tell(redis, shared);
      if (result !== 'not_found') await redis.zrem(userSessionsKey(shared.userId), shared.sessionId);
      return result === 'full' ? 'unchanged' : result;
    },
  };
}

async function roleOf(redis: Redis, sessionId: SessionId, userId: UserId): Promise<SessionRole | null> {
  const keys = sessionKeys(sessionId);
  const [[user, deleting], role] = await Promise.all([
    redis.hmget(keys.meta, 'user', 'deleting'),
    redis.hget(keys.roles, userId),
  ]);
  if (user === null || user === undefined || deleting !== null) return null;
  if (user === userId) return 'owner';
  return role === null ? null : SharedRole.parse(role);
}

/** What a gateway hears when somebody's access may have changed. */
export const AccessChange = z.discriminatedUnion('type', [
  z.object({ type: z.literal('role'), sessionId: z.string(), userId: z.string() }),
  z.object({ type: z.literal('credential'), credentialId: z.string() }),
]);
export type AccessChange = z.infer<typeof AccessChange>;

/** Tells all gateways. One that does not hear it finds out by itself a few seconds later. */
export async function publishAccessChange(redis: Redis, change: AccessChange): Promise<void> {
  await redis.spublish(ACCESS_CHANNEL, JSON.stringify(change));
}

async function tell(redis: Redis, { sessionId, userId }: SharedSession): Promise<void> {
  await publishAccessChange(redis, { type: 'role', sessionId, userId });
}
