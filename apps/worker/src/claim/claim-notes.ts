// Who claimed a session last, noted beside its transcript on the storage that all workers share. Redis may lose a
// claim (a failover, a cut append-only file) and take the owner before for the present one; this note does not go
// with it. Written after each claim and before its first append, so no event was ever seen of a claim without one.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkerId, type SessionId, type UserId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import { z } from 'zod';
import { sessionHome } from '../session/session-files.ts';

const ClaimNote = z.object({
  fence: z.int(),
  workerId: WorkerId,
  incarnation: z.string(),
  /** False: its owner has given the session up, and has no child of it any more. */
  isHeld: z.boolean(),
});
export type ClaimNote = z.infer<typeof ClaimNote>;

interface SessionPlace {
  readonly userId: UserId;
  readonly sessionId: SessionId;
}

export interface ClaimNotes {
  /** null: there is none, or none that can be read. */
  read(place: SessionPlace): Promise<ClaimNote | null>;
  /**
   * `newer`: somebody with a newer fence was quicker; nothing is written then. A note that can't be written (the
   * storage is full) is only logged: Redis alone then says who owns the session.
   */
  write(place: SessionPlace, note: ClaimNote): Promise<'written' | 'newer'>;
}

export function createClaimNotes(dataDir: string, logger: Logger): ClaimNotes {
  const read = async (place: SessionPlace): Promise<ClaimNote | null> => {
    try {
      return ClaimNote.parse(JSON.parse(await readFile(fileOf(dataDir, place), 'utf8')));
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isMissing) logger.warn({ err: error, sessionId: place.sessionId }, 'a claim note is unreadable');
      return null;
    }
  };
  return {
    read,
    write: async (place, note) => {
      const before = await read(place);
      if ((before?.fence ?? 0) > note.fence) return 'newer';
      // The session may have been deleted meanwhile: its folder must not come back.
      if (before === null && !note.isHeld) return 'written';
      const file = fileOf(dataDir, place);
      try {
        await mkdir(sessionHome(dataDir, place), { recursive: true, mode: 0o700 });
        await writeFile(`${file}.${note.fence}`, JSON.stringify(note), { mode: 0o600 });
        await rename(`${file}.${note.fence}`, file);
      } catch (error) {
        logger.warn({ err: error, sessionId: place.sessionId }, 'a claim could not be noted');
      }
      return 'written';
    },
  };
}

function fileOf(dataDir: string, place: SessionPlace): string {
  return join(sessionHome(dataDir, place), 'claim.json');
}
