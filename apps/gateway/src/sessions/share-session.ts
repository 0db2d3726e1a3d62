// Sharing a session, taking that back, and with whom it is shared. Throws ServiceError.
import { ServiceError, type SessionId, type SharedRole, type UserId } from '@holdfast/shared/protocol';
import { MAX_SHARED_WITH, type SessionRoles, type SharedSession } from '@holdfast/shared/store';
import type { Caller } from '../access/authorise.ts';
import { stored } from './storage.ts';

interface Sharing {
  share(caller: Caller, sessionId: SessionId, shared: { userId: UserId; role: SharedRole }): Promise<void>;
  unshare(caller: Caller, sessionId: SessionId, userId: UserId): Promise<void>;
  sharedWith(caller: Caller, sessionId: SessionId): Promise<{ userId: UserId; role: SharedRole }[]>;
}

/** `check` throws for somebody who may not share the session. */
export function sharing(
  roles: SessionRoles,
  check: (caller: Caller, sessionId: SessionId) => Promise<void>,
): Sharing {
  return {
    share: async (caller, sessionId, shared) => {
      await check(caller, sessionId);
      await share(roles, caller.userId, { sessionId, ...shared });
    },
    unshare: async (caller, sessionId, userId) => {
      await check(caller, sessionId);
      // Taking away what was not given is fine.
      const result = await stored(async () => roles.unshare(caller.userId, { sessionId, userId }));
      if (result === 'not_found') throw new ServiceError('session_not_found');
    },
    sharedWith: async (caller, sessionId) => {
      await check(caller, sessionId);
      return stored(async () => roles.list(sessionId));
    },
  };
}

async function share(
  roles: SessionRoles,
  owner: UserId,
  shared: SharedSession & { readonly role: SharedRole },
): Promise<void> {
  if (shared.userId === owner) {
    throw new ServiceError('share_refused', {
      message: 'The session is yours: you have every right already.',
    });
  }
  const result = await stored(async () => roles.share(owner, shared));
  if (result === 'not_found') throw new ServiceError('session_not_found');
  if (result === 'full') {
    const message = `A session can be shared with ${MAX_SHARED_WITH} others at most.`;
    throw new ServiceError('share_refused', { message, details: { limit: MAX_SHARED_WITH } });
  }
}
