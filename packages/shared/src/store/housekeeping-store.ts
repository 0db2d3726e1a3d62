// What housekeeping sees and does in Redis: everything there is of sessions, found by scanning the keys, and the
// removal of what should not be there. Each removal is checked again in the step that does it.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { SessionId, UserId, WorkerId } from '../protocol/ids.ts';
import { SessionStatus } from '../protocol/session-view.ts';
import type { ObservedOwner } from './command-inbox.ts';
import { sessionKeys, storedKeysOf, tombstonesKey, userSessionsKey } from './keys.ts';
import { loadScript, runScript } from './script-runner.ts';

const expireScript = loadScript('expire_session');
const leftoversScript = loadScript('remove_leftovers');

const KEYS_A_PAGE = 1_000;

/** What was seen in one walk over all keys. What came or went meanwhile may be in it or not. */
export interface Inventory {
  readonly sessions: ReadonlySet<SessionId>;
  /** Sessions of which there are keys, but no record. */
  readonly leftovers: ReadonlySet<SessionId>;
  /** Users who have a list of sessions. */
  readonly users: ReadonlySet<UserId>;
}

/** What housekeeping needs to know of a session. */
export interface SessionFacts {
  readonly sessionId: SessionId;
  readonly userId: UserId;
  readonly owner: ObservedOwner;
  readonly status: SessionStatus;
  /** Commands that no owner has read. */
  readonly unread: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deleting: boolean;
}

export type ExpireResult =
  | { readonly status: 'accepted'; readonly owner: ObservedOwner }
  | { readonly status: 'in_use' }
  | { readonly status: 'not_found' };

export interface ListEntry {
  readonly sessionId: SessionId;
  /** When the session was created, ms since 1970. */
  readonly since: number;
}

export interface HousekeepingStore {
  takeInventory(signal: AbortSignal): Promise<Inventory>;
  /** One command a session. Those that are gone are left out. */
  facts(sessionIds: readonly SessionId[]): Promise<SessionFacts[]>;
  /** Asks the session's owner to delete it if nobody has used it since `idleSince`; checked in the same step. */
  expire(input: {
    readonly sessionId: SessionId;
    readonly userId: UserId;
    readonly idleSince: number;
  }): Promise<ExpireResult>;
  /** Removes keys of a session that has no record; says how many. */
  removeLeftovers(sessionId: SessionId): Promise<number>;
  /** Which of these sessions were deleted in the last two days. */
  deletedAmong(sessionIds: readonly SessionId[]): Promise<SessionId[]>;
  exists(sessionId: SessionId): Promise<boolean>;
  listOf(userId: UserId): Promise<ListEntry[]>;
  enlist(userId: UserId, entry: ListEntry): Promise<void>;
  unlist(userId: UserId, sessionId: SessionId): Promise<void>;
}

export function createHousekeepingStore(redis: Redis): HousekeepingStore {
  return {
    takeInventory: async (signal) => takeInventory(redis, signal),
    facts: async (sessionIds) => facts(redis, sessionIds),
    expire: async (input) => expire(redis, input),
    removeLeftovers: async (sessionId) => {
      const reply = await runScript(redis, leftoversScript, { keys: storedKeysOf(sessionId), args: [] });
      return z.number().parse(reply);
    },
    deletedAmong: async (sessionIds) => {
      const pipeline = redis.pipeline();
      for (const sessionId of sessionIds) pipeline.zscore(tombstonesKey(sessionId), sessionId);
      const scores = await repliesOf(pipeline.exec());
      return sessionIds.filter((_, index) => scores[index] !== null);
    },
    exists: async (sessionId) => (await redis.exists(sessionKeys(sessionId).meta)) === 1,
    listOf: async (userId) => {
      const flat = await redis.zrange(userSessionsKey(userId), '0', '-1', 'WITHSCORES');
      return flat.flatMap((text, index) => {
        const sessionId = SessionId.safeParse(index % 2 === 0 ? text : undefined);
        return sessionId.success ? [{ sessionId: sessionId.data, since: Number(flat[index + 1]) }] : [];
      });
    },
    enlist: async (userId, { sessionId, since }) => {
      await redis.zadd(userSessionsKey(userId), 'NX', since, sessionId);
    },
    unlist: async (userId, sessionId) => {
      await redis.zrem(userSessionsKey(userId), sessionId);
    },
  };
}

const SESSION_KEY = /^hf:\{[0-9a-f]{2}\}:([^:]+):(\w+)$/;
const LIST_KEY = /^hf:user:(.+):sessions$/;

async function takeInventory(redis: Redis, signal: AbortSignal): Promise<Inventory> {
  const sessions = new Set<SessionId>();
  const others = new Set<SessionId>();
  const users = new Set<UserId>();
  let cursor = '0';
  do {
    signal.throwIfAborted();
    const [next, keys] = await redis.scan(cursor, 'MATCH', 'hf:*', 'COUNT', KEYS_A_PAGE);
    for (const key of keys) {
      const user = UserId.safeParse(LIST_KEY.exec(key)?.[1]);
      if (user.success) users.add(user.data);
      const [, id, name] = SESSION_KEY.exec(key) ?? [];
      const sessionId = SessionId.safeParse(id);
      if (sessionId.success) (name === 'meta' ? sessions : others).add(sessionId.data);
    }
    cursor = next;
  } while (cursor !== '0');
  const leftovers = new Set([...others].filter((sessionId) => !sessions.has(sessionId)));
  return { sessions, leftovers, users };
}

const FIELDS = [
  ...['user', 'owner', 'inc', 'status', 'inboxHead', 'inboxAcked', 'createdAt', 'updatedAt', 'deleting'],
];
const RawFacts = z.tuple([
  UserId,
  z.string(),
  z.string(),
  SessionStatus,
  z.coerce.number(),
  z.coerce.number(),
  z.coerce.number(),
  z.coerce.number(),
  z.string().nullable(),
]);

async function facts(redis: Redis, sessionIds: readonly SessionId[]): Promise<SessionFacts[]> {
  const pipeline = redis.pipeline();
  for (const sessionId of sessionIds) pipeline.hmget(sessionKeys(sessionId).meta, ...FIELDS);
  const replies = await repliesOf(pipeline.exec());
  return sessionIds.flatMap((sessionId, index) => {
    const parsed = RawFacts.safeParse(replies[index]);
    if (!parsed.success) return [];
    const [userId, owner, incarnation, status, head, acked, createdAt, updatedAt, deleting] = parsed.data;
    return [
      {
        ...{ sessionId, userId, status, createdAt, updatedAt },
        owner: toOwner(owner, incarnation),
        unread: head - acked,
        deleting: deleting !== null,
      },
    ];
  });
}

async function expire(
  redis: Redis,
  input: Parameters<HousekeepingStore['expire']>[0],
): Promise<ExpireResult> {
  const keys = sessionKeys(input.sessionId);
  const reply = await runScript(redis, expireScript, {
    keys: [keys.meta, keys.inbox, keys.doorbell, keys.live],
    args: [input.idleSince, JSON.stringify({ type: 'delete', by: input.userId })],
  });
  const [status, owner = '', incarnation = ''] = z
    .tuple([z.enum(['accepted', 'in_use', 'not_found'])])
    .rest(z.string())
    .parse(reply);
  return status === 'accepted' ? { status, owner: toOwner(owner, incarnation) } : { status };
}

function toOwner(workerId: string, incarnation: string): ObservedOwner {
  return workerId === '' ? null : { workerId: WorkerId.parse(workerId), incarnation };
}

async function repliesOf(answers: Promise<[Error | null, unknown][] | null>): Promise<unknown[]> {
  return ((await answers) ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}
