// Folders of deleted sessions that were not removed with them, because the worker died in between.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SessionId } from '@holdfast/shared/protocol';
import type { HousekeepingStore } from '@holdfast/shared/store';

/**
 * Removes the folders of sessions that are known to have been deleted; says how many. A folder whose session is merely
 * unknown is kept: after a loss of Redis' data the transcripts are all that is left.
 */
export async function removeLeftoverFolders(
  dataDir: string,
  store: Pick<HousekeepingStore, 'deletedAmong' | 'exists'>,
): Promise<number> {
  const folders = new Map<SessionId, string>();
  const users = join(dataDir, 'users');
  for (const user of await namesIn(users)) {
    for (const name of await namesIn(join(users, user, 'sessions'))) {
      const sessionId = SessionId.safeParse(name);
      if (sessionId.success) folders.set(sessionId.data, join(users, user, 'sessions', name));
    }
  }
  let removed = 0;
  for (const sessionId of await store.deletedAmong([...folders.keys()])) {
    if (await store.exists(sessionId)) continue;
    await rm(folders.get(sessionId) ?? '', { recursive: true, force: true, maxRetries: 3 });
    removed += 1;
  }
  return removed;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
}
