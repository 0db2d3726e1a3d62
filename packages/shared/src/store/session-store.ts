// Sessions as records: create, look up, list, claim, release, delete.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { CreateId, SessionId, UserId, WorkerId } from '../protocol/ids.ts';
import { mintSessionId, SessionId as SessionIdSchema, WorkerId as WorkerIdSchema } from '../protocol/ids.ts';
import { SessionStatus } from '../protocol/session-view.ts';
import type { SessionSummary } from '../protocol/server-frames.ts';
import { SharedRole, type SessionRole } from '../protocol/roles.ts';
import { SessionSettings } from '../protocol/settings.ts';
import { sessionKeys, storedKeysOf, tombstonesKey, userCreateKey, userSessionsKey } from './keys.ts';
import { loadScript, runScript } from './script-runner.ts';
import type { Ownership } from './event-log.ts';

const createScript = loadScript('create_session');
const claimScript = loadScript('claim_session');
const releaseScript = loadScript('release_session');
const deleteScript = loadScript('delete_session');
const renewScript = loadScript('renew_create_id');

/** How long a used createId is remembered, in seconds. */
const CREATE_ID_LIFE_S = 24 * 3600;
/** Longer than the life of a createId: until then that could make the deleted session again. */
const TOMBSTONE_LIFE_MS = 2 * CREATE_ID_LIFE_S * 1000;

/** The meta hash, parsed. */
export interface SessionMeta {
  readonly sessionId: SessionId;
  readonly userId: UserId;
  readonly epoch: string;
  readonly head: number;
  readonly fence: number;
  /** null: nobody owns the session. */
  readonly owner: { readonly workerId: WorkerId; readonly incarnation: string } | null;
  readonly inboxHead: number;
  readonly inboxAcked: number;
  readonly status: SessionStatus;
  readonly turnId: string | null;
  readonly cwd: string;
  readonly title: string | null;
  readonly settings: SessionSettings;
  /** The CLI's own id of the conversation, once a child was started. */
  readonly cliSessionId: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly archived: boolean;
  readonly deleting: boolean;
}

const number = z.coerce.number();
const optional = z
  .string()
  .optional()
  .transform((value) => (value === undefined || value === '' ? null : value));
const RawMeta = z.object({
  user: z.string(),
  epoch: z.string(),
  head: number,
  fence: number,
  owner: z.string(),
  inc: z.string(),
  inboxHead: number,
  inboxAcked: number,
  status: SessionStatus,
  turn: optional,
  cwd: z.string(),
  title: optional,
  settings: z.string().transform((text) => SessionSettings.parse(JSON.parse(text))),
  cli: optional,
  createdAt: number,
  updatedAt: number,
  archived: z.string().optional(),
  deleting: z.string().optional(),
});

export interface NewSession {
  readonly sessionId: SessionId;
  readonly userId: UserId;
  readonly epoch: string;
  readonly cwd: string;
  readonly title: string | null;
  readonly settings: SessionSettings;
  /** The serialised `session_created` event at offset 1. */
  readonly frame: string;
  readonly at: number;
}

export type ClaimResult =
  | {
      readonly status: 'claimed';
      readonly ownership: Ownership;
      readonly head: number;
      readonly inboxAcked: number;
      /** The log's earlier tail may be lost: clients get a snapshot. */
      readonly epochChanged: boolean;
    }
  | { readonly status: 'lost' }
  | { readonly status: 'not_found' };

export interface SessionStore {
  /** Reserves a session id for a user's createId; the same createId gives the same id again for a day. */
  reserveId(userId: UserId, createId: CreateId): Promise<{ sessionId: SessionId; repeated: boolean }>;
  /** A session id for a createId whose session was deleted: the same for all who ask, and remembered for a day. */
  renewId(userId: UserId, createId: CreateId, deleted: SessionId): Promise<SessionId>;
  /**
   * Creates the record, the log's first event, and the entry in the user's list. Repeating it changes nothing.
   * `gone`: the session was deleted, or is about to be; its id makes no session any more.
   */
  create(session: NewSession): Promise<'created' | 'exists' | 'gone'>;
  read(sessionId: SessionId): Promise<SessionMeta | null>;
  /** The user's sessions, own and shared, newest first: those put away, or all others. */
  list(userId: UserId, archived: boolean): Promise<SessionSummary[]>;
  /** Takes ownership if the session is still as `observed`. The caller has made sure that its owner is dead. */
  claim(input: {
    readonly observed: SessionMeta;
    readonly workerId: WorkerId;
    readonly incarnation: string;
    readonly freshEpoch: string;
    /** The newest fence known from elsewhere: if Redis has an older one, it lost a claim. */
    readonly knownFence?: number;
  }): Promise<ClaimResult>;
  release(owner: Ownership): Promise<'released' | 'fenced'>;
  /** Removes all keys of the session and its entries in the lists of its owner and of those who shared it. */
  delete(owner: Ownership, userId: UserId): Promise<'deleted' | 'fenced' | 'not_found'>;
  /** Takes a session out of all lists (it is about to be deleted). */
  unlist(userId: UserId, sessionId: SessionId): Promise<void>;
}

export function createSessionStore(redis: Redis): SessionStore {
  return {
    reserveId: async (userId, createId) => reserveId(redis, userId, createId),
    renewId: async (userId, createId, deleted) => {
      const reply = await runScript(redis, renewScript, {
        keys: [userCreateKey(userId, createId)],
        args: [deleted, mintSessionId(), CREATE_ID_LIFE_S],
      });
      return SessionIdSchema.parse(reply);
    },
    create: async (session) => create(redis, session),
    read: async (sessionId) => parseMeta(sessionId, await redis.hgetall(sessionKeys(sessionId).meta)),
    list: async (userId, archived) => list(redis, userId, archived),
    claim: async (input) => claim(redis, input),
    release: async (owner) => {
      const reply = await runScript(redis, releaseScript, {
        keys: [sessionKeys(owner.sessionId).meta],
        args: [owner.fence, owner.incarnation],
      });
      return z.tuple([z.enum(['released', 'fenced'])]).parse(reply)[0];
    },
    delete: async (owner, userId) => {
      const users = await listersOf(redis, userId, owner.sessionId);
      const [meta = '', ...others] = storedKeysOf(owner.sessionId);
      const reply = await runScript(redis, deleteScript, {
        keys: [meta, tombstonesKey(owner.sessionId), ...others],
        args: [owner.fence, owner.incarnation, owner.sessionId, TOMBSTONE_LIFE_MS],
      });
      const [status] = z.tuple([z.enum(['deleted', 'fenced', 'not_found'])]).parse(reply);
      if (status === 'deleted') await unlistFor(redis, users, owner.sessionId);
      return status;
    },
    unlist: async (userId, sessionId) => {
      await unlistFor(redis, await listersOf(redis, userId, sessionId), sessionId);
    },
  };
}

/** In whose lists the session stands. */
async function listersOf(redis: Redis, owner: UserId, sessionId: SessionId): Promise<string[]> {
  return [owner, ...(await redis.hkeys(sessionKeys(sessionId).roles))];
}

async function unlistFor(redis: Redis, users: readonly string[], sessionId: SessionId): Promise<void> {
  // Entries of hkeys were stored from validated ids.
  await Promise.all(users.map(async (user) => redis.zrem(userSessionsKey(user as UserId), sessionId)));
}

async function reserveId(
  redis: Redis,
  userId: UserId,
  createId: CreateId,
): Promise<{ sessionId: SessionId; repeated: boolean }> {
  const key = userCreateKey(userId, createId);
  const fresh = mintSessionId();
  const earlier = await redis.set(key, fresh, 'EX', CREATE_ID_LIFE_S, 'NX', 'GET');
  if (earlier === null) return { sessionId: fresh, repeated: false };
  return { sessionId: SessionIdSchema.parse(earlier), repeated: true };
}

async function create(redis: Redis, session: NewSession): Promise<'created' | 'exists' | 'gone'> {
  // The list first: an entry without a record is passed over, a record without an entry would be invisible.
  await redis.zadd(userSessionsKey(session.userId), 'NX', session.at, session.sessionId);
  const keys = sessionKeys(session.sessionId);
  const reply = await runScript(redis, createScript, {
    keys: [keys.meta, keys.events, keys.history, tombstonesKey(session.sessionId)],
    args: [
      session.epoch,
      session.userId,
      session.cwd,
      session.title ?? '',
      JSON.stringify(session.settings),
      session.frame,
      session.at,
      session.sessionId,
    ],
  });
  const [status] = z
    .tuple([z.enum(['created', 'exists', 'gone'])])
    .rest(z.string())
    .parse(reply);
  if (status === 'gone') await redis.zrem(userSessionsKey(session.userId), session.sessionId);
  return status;
}

async function list(redis: Redis, userId: UserId, archived: boolean): Promise<SessionSummary[]> {
  const ids = (await redis.zrevrange(userSessionsKey(userId), 0, -1)).map((id) => SessionIdSchema.parse(id));
  const pipeline = redis.pipeline();
  for (const id of ids) {
    const keys = sessionKeys(id);
    pipeline.hgetall(keys.meta).hget(keys.roles, userId);
  }
  const replies = ((await pipeline.exec()) ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
  return ids.flatMap((sessionId, index) => {
    const meta = parseMeta(sessionId, z.record(z.string(), z.string()).parse(replies[2 * index]));
    if (meta === null || meta.deleting || meta.archived !== archived) return [];
    const shared = SharedRole.safeParse(replies[2 * index + 1]).data;
    const role = meta.userId === userId ? 'owner' : shared;
    return role === undefined ? [] : [summaryOf(meta, role)];
  });
}

/** What lists show of a session to somebody with this role. */
export function summaryOf(meta: SessionMeta, role: SessionRole): SessionSummary {
  return {
    sessionId: meta.sessionId,
    ownerId: meta.userId,
    role,
    title: meta.title,
    cwd: meta.cwd,
    status: meta.status,
    archived: meta.archived,
    createdAt: meta.createdAt,
    updatedAt: meta.updatedAt,
    position: { epoch: meta.epoch, offset: meta.head },
  };
}

async function claim(redis: Redis, input: Parameters<SessionStore['claim']>[0]): Promise<ClaimResult> {
  const { observed, workerId, incarnation } = input;
  const reply = await runScript(redis, claimScript, {
    keys: [sessionKeys(observed.sessionId).meta],
    args: [
      observed.owner?.workerId ?? '',
      observed.owner?.incarnation ?? '',
      observed.fence,
      workerId,
      incarnation,
      input.freshEpoch,
      input.knownFence ?? 0,
    ],
  });
  const parts = z.array(z.string().or(z.number()).transform(String)).parse(reply);
  if (parts[0] === 'not_found') return { status: 'not_found' };
  if (parts[0] === 'lost') return { status: 'lost' };
  const [, fence, epoch = '', head, acked, changed] = parts;
  return {
    status: 'claimed',
    ownership: { sessionId: observed.sessionId, epoch, fence: Number(fence), incarnation },
    head: Number(head),
    inboxAcked: Number(acked),
    epochChanged: changed === '1',
  };
}

function parseMeta(sessionId: SessionId, raw: Record<string, string>): SessionMeta | null {
  if (Object.keys(raw).length === 0) return null;
  const meta = RawMeta.parse(raw);
  return {
    sessionId,
    userId: meta.user as UserId, // stored from a validated id
    epoch: meta.epoch,
    head: meta.head,
    fence: meta.fence,
    owner: meta.owner === '' ? null : { workerId: WorkerIdSchema.parse(meta.owner), incarnation: meta.inc },
    inboxHead: meta.inboxHead,
    inboxAcked: meta.inboxAcked,
    status: meta.status,
    turnId: meta.turn,
    cwd: meta.cwd,
    title: meta.title,
    settings: meta.settings,
    cliSessionId: meta.cli,
    createdAt: meta.createdAt,
    updatedAt: meta.updatedAt,
    archived: meta.archived === '1',
    deleting: meta.deleting !== undefined,
  };
}
