// Who did what, for operators: one stream, kept up to a number of entries. No text of a prompt, no credential.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { AUDIT_KEY } from './keys.ts';

export const AuditEntry = z.object({
  /** ms since 1970. */
  at: z.number(),
  userId: z.string(),
  /** What was done: `prompt`, `abort`, `decide`, `share`, `unshare`, `change`, `create`, `delete`, `login`, … */
  action: z.string(),
  sessionId: z.string().nullable(),
  /** Ids and words that belong to it, by name. */
  details: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

/** About 300 bytes each. */
const MAX_ENTRIES = 100_000;
const PAGE = 1_000;

export interface AuditLog {
  add(entry: AuditEntry): Promise<void>;
  /** The oldest entries after `after` (a stream id; null: from the first one), at most a page, each with its id. */
  read(after: string | null): Promise<{ id: string; entry: AuditEntry }[]>;
}

export function createAuditLog(redis: Redis): AuditLog {
  return {
    add: async (entry) => {
      await redis.xadd(
        AUDIT_KEY,
        'MAXLEN',
        '~',
        MAX_ENTRIES,
        '*',
        'e',
        JSON.stringify(AuditEntry.parse(entry)),
      );
    },
    read: async (after) => {
      const start = after === null ? '-' : `(${after}`;
      const found = await redis.xrange(AUDIT_KEY, start, '+', 'COUNT', PAGE);
      return found.map(([id, fields]) => ({ id, entry: AuditEntry.parse(JSON.parse(fields[1] ?? '')) }));
    },
  };
}
