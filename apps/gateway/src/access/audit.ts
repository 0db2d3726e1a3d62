// Notes for operators who did what. The note follows the deed: one that can't be stored is in the log as an error.
import type { SessionId, UserId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type { AuditLog } from '@holdfast/shared/store';

/** Ids and words only: no text that a person or an agent wrote. */
export type AuditDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export type Audit = (
  caller: { readonly userId: UserId },
  action: string,
  about: AuditDetails & { readonly sessionId?: SessionId },
) => void;

export function createAudit(log: AuditLog, logger: Logger): Audit {
  return ({ userId }, action, about) => {
    const { sessionId = null, ...details } = about;
    log.add({ at: Date.now(), userId, action, sessionId, details }).catch((error: unknown) => {
      logger.error({ err: error, userId, action, sessionId }, 'an audit note could not be stored');
    });
  };
}
