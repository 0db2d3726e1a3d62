// Pending approvals as they are stored: opened and closed by the owner's appends, decided by people through any
// gateway. Every change of who may still decide is one script.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { ApprovalKind, canonicalJson, type Decision } from '../protocol/approval.ts';
import type { Command } from '../protocol/commands.ts';
import { UserId, type ApprovalId, type SessionId } from '../protocol/ids.ts';
import { toAddressee, type Addressee } from './command-inbox.ts';
import type { Ownership } from './event-log.ts';
import { sessionKeys } from './keys.ts';
import { loadScript, runScript } from './script-runner.ts';

const decideScript = loadScript('decide_approval');
const expireScript = loadScript('expire_approval');

/** What is stored of a pending approval; what is asked in full stands in its event. */
export const StoredApproval = z.object({
  kind: ApprovalKind,
  tool: z.string(),
  toolCallId: z.string().nullable(),
  inputDigest: z.string(),
  /** Fence of the owner whose agent asks: a later owner's agent does not wait for it. */
  fence: z.int(),
  /** ms since 1970; absent: never. */
  expiresAt: z.int().optional(),
  /** Texts of the questions that are asked. */
  questions: z.array(z.string()).optional(),
});
export type StoredApproval = z.infer<typeof StoredApproval>;

/** Who decided first, and how: `answer` is the decision as canonical JSON. */
const Decided = z.object({ by: UserId, answer: z.string() });

export type DecideResult =
  | ({ readonly status: 'accepted'; readonly seq: number } & Addressee)
  /** The same person has decided the same before; the owner may not have acted on it yet. */
  | ({ readonly status: 'duplicate' } & Addressee)
  | { readonly status: 'decided'; readonly by: UserId; readonly answer: string }
  /** It is not in the hash: resolved, or never asked. */
  | { readonly status: 'not_pending' }
  /** The decision is about another input. */
  | { readonly status: 'changed' }
  | { readonly status: 'expired' }
  /** The agent that asked belongs to an earlier owner. */
  | { readonly status: 'lost' }
  | { readonly status: 'not_found' };

export interface ApprovalStore {
  read(sessionId: SessionId, approvalId: string): Promise<StoredApproval | null>;
  /** Ids of everything in the hash, decided or not. */
  ids(sessionId: SessionId): Promise<string[]>;
  /** Records the decision if it is the first, and hands it to the session's owner; nothing changes otherwise. */
  decide(input: {
    readonly sessionId: SessionId;
    readonly userId: UserId;
    readonly approvalId: ApprovalId;
    readonly decision: Decision;
    readonly inputDigest?: string | undefined;
  }): Promise<DecideResult>;
  /** Closes an approval to decisions; `decided` when a person was quicker. */
  expire(owner: Ownership, approvalId: string): Promise<'expired' | 'decided' | 'not_pending' | 'fenced'>;
}

const DecideReply = z.union([
  z.tuple([z.literal('accepted'), z.coerce.number(), z.string(), z.string(), z.string()]),
  z.tuple([z.literal('duplicate'), z.string(), z.string(), z.string()]),
  z.tuple([z.literal('decided'), z.string()]),
  z.tuple([z.enum(['not_pending', 'changed', 'expired', 'lost', 'not_found'])]),
]);

export function createApprovalStore(redis: Redis): ApprovalStore {
  return {
    read: async (sessionId, approvalId) => {
      const stored = await redis.hget(sessionKeys(sessionId).approvals, approvalId);
      return stored === null ? null : StoredApproval.parse(JSON.parse(stored.split('\n', 1)[0] ?? ''));
    },
    ids: async (sessionId) => redis.hkeys(sessionKeys(sessionId).approvals),
    decide: async ({ sessionId, userId, approvalId, decision, inputDigest }) => {
      const keys = sessionKeys(sessionId);
      const command: Command = { type: 'decide', approvalId, decision, by: userId };
      const reply = await runScript(redis, decideScript, {
        keys: [keys.meta, keys.approvals, keys.inbox, keys.doorbell, keys.roles],
        args: [userId, approvalId, inputDigest ?? '', canonicalJson(decision), JSON.stringify(command)],
      });
      return parseDecide(reply);
    },
    expire: async (owner, approvalId) => {
      const keys = sessionKeys(owner.sessionId);
      const reply = await runScript(redis, expireScript, {
        keys: [keys.meta, keys.approvals],
        args: [owner.fence, owner.incarnation, approvalId],
      });
      return z.tuple([z.enum(['expired', 'decided', 'not_pending', 'fenced'])]).parse(reply)[0];
    },
  };
}

function parseDecide(reply: unknown): DecideResult {
  const parsed = DecideReply.parse(reply);
  switch (parsed[0]) {
    case 'accepted':
      return { status: 'accepted', seq: parsed[1], ...toAddressee(parsed[2], parsed[3], parsed[4]) };
    case 'duplicate':
      return { status: 'duplicate', ...toAddressee(parsed[1], parsed[2], parsed[3]) };
    case 'decided':
      return { status: 'decided', ...Decided.parse(JSON.parse(parsed[1])) };
    case 'not_pending':
    case 'changed':
    case 'expired':
    case 'lost':
    case 'not_found':
      return { status: parsed[0] };
  }
}
