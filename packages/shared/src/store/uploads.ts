// Files that people upload for a prompt. One belongs to nobody until a prompt is accepted with it (submit_command.lua),
// and is removed in the step that removes that prompt from the queue's hash (append_events.lua).
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { UploadMediaType, type Upload, type UploadId } from '../protocol/content.ts';
import type { SessionId } from '../protocol/ids.ts';
import { blobKey, sessionKeys } from './keys.ts';
import { loadScript, runScript } from './script-runner.ts';

const storeScript = loadScript('store_upload');

/** How long a file waits for its prompt. */
export const UPLOAD_LIFE_S = 15 * 60;
/** Files of one session that wait for their prompts at a time. */
const MAX_WAITING = 30;

export interface Uploads {
  store(
    sessionId: SessionId,
    upload: Omit<Upload, 'bytes'> & { readonly data: Buffer },
  ): Promise<'stored' | 'not_found' | 'too_many'>;
  /** What is known of each; null: there is no such file (any more). */
  describe(sessionId: SessionId, ids: readonly UploadId[]): Promise<(Upload | null)[]>;
  /** The bytes of a file; null: there is no such file (any more). */
  read(sessionId: SessionId, id: UploadId): Promise<Buffer | null>;
}

export function createUploads(redis: Redis, lifeS = UPLOAD_LIFE_S): Uploads {
  return {
    store: async (sessionId, { uploadId, name, mediaType, data }) => {
      const keys = sessionKeys(sessionId);
      const reply = await runScript(redis, storeScript, {
        keys: [keys.meta, keys.uploads, blobKey(sessionId, uploadId)],
        args: [uploadId, name, mediaType, data, lifeS, MAX_WAITING],
      });
      return z.tuple([z.enum(['stored', 'not_found', 'too_many'])]).parse(reply)[0];
    },
    describe: async (sessionId, ids) => Promise.all(ids.map(async (id) => describe(redis, sessionId, id))),
    read: async (sessionId, id) => redis.hgetBuffer(blobKey(sessionId, id), 'bytes'),
  };
}

async function describe(redis: Redis, sessionId: SessionId, uploadId: UploadId): Promise<Upload | null> {
  const key = blobKey(sessionId, uploadId);
  const [[name, type], bytes] = await Promise.all([
    redis.hmget(key, 'name', 'type'),
    redis.hstrlen(key, 'bytes'),
  ]);
  const mediaType = UploadMediaType.safeParse(type);
  if (typeof name !== 'string' || !mediaType.success) return null;
  return { uploadId, name, mediaType: mediaType.data, bytes };
}
