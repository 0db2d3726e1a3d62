// Makes sure that some worker hears of a command that was stored: the living owner, else the last owner, else any.
import type { SessionId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type { Addressee, PlacementQueue, WorkerRegistry } from '@holdfast/shared/store';
import { withDeadline } from '@holdfast/shared/util';
import { stored, storageError } from './storage.ts';

/** Longer keeps a caller waiting while Redis is away; the command itself is stored by then and may be repeated. */
const PLACEMENT_DEADLINE_MS = 3_000;
/** How long the last owner may take to claim before any worker is asked. Longer shows when it has no room. */
const LAST_OWNER_MS = 500;

export interface EnsureOwnerDeps {
  readonly registry: WorkerRegistry;
  readonly placement: PlacementQueue;
  readonly logger: Logger;
}

/**
 * A living owner was told by the inbox's doorbell; the session is noted at it, so that it is placed anew should the
 * worker die before it has read the command. Without one, the last owner is rung, whose disk cache has the session's
 * files; the placement job, delayed then, is for the case that it does not claim.
 */
export async function ensureOwner(
  deps: EnsureOwnerDeps,
  sessionId: SessionId,
  { owner, lastOwner }: Addressee,
): Promise<void> {
  const { registry, placement, logger } = deps;
  if (owner !== null && (await stored(async () => registry.noteActive(owner, sessionId)))) return;
  const isRung = lastOwner !== null && (await stored(async () => registry.ring(lastOwner, sessionId)));
  try {
    const requested = placement.request(sessionId, { delayMs: isRung ? LAST_OWNER_MS : 0 });
    await withDeadline(requested, { limitMs: PLACEMENT_DEADLINE_MS, what: 'the placement request' });
  } catch (error) {
    logger.warn({ err: error, sessionId }, 'a placement request failed');
    throw storageError(error);
  }
}
