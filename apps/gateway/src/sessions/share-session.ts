// Sharing a session and taking that back. The caller was checked; throws ServiceError.
import { ServiceError, type SharedRole, type UserId } from '@holdfast/shared/protocol';
import { MAX_SHARED_WITH, type SessionRoles, type SharedSession } from '@holdfast/shared/store';
import { stored } from './storage.ts';

export async function shareSession(
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

/** Taking away what was not given is fine. */
export async function unshareSession(
  roles: SessionRoles,
  owner: UserId,
  shared: SharedSession,
): Promise<void> {
  const result = await stored(async () => roles.unshare(owner, shared));
  if (result === 'not_found') throw new ServiceError('session_not_found');
}
