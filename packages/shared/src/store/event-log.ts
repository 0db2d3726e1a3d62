// The session's log in Redis: fenced append, resume, plain reads. Results are unions; exceptions are Redis' failures.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { SessionId, UserId } from '../protocol/ids.ts';
import type { Position } from '../protocol/position.ts';
import { ResetReason } from '../protocol/server-frames.ts';
import { SessionStatus } from '../protocol/session-view.ts';
import { sessionKeys, type SessionKeys } from './keys.ts';
import { loadScript, runScript } from './script-runner.ts';

const appendScript = loadScript('append_events');
const resumeScript = loadScript('resume_session');

/** What changes together with an append, in the same atomic step. */
export interface AppendEffects {
  /** 0-based indexes of the frames to keep in the history stream. */
  readonly history?: readonly number[];
  /** The inbox is acknowledged up to this command. */
  readonly ackSeq?: number;
  /** Fields of the meta hash to set (`status`, `turn`, `title`, …). */
  readonly meta?: Readonly<Record<string, string | number>>;
  readonly queue?: readonly QueueChange[];
  readonly approvals?: readonly ApprovalChange[];
  /** The view after the last event of this append, with its offset; stored as the snapshot. */
  readonly snapshot?: { readonly offset: number; readonly json: string };
  /** First offset to keep in the log; needs a snapshot at or after the offset before it. */
  readonly trimBefore?: number;
  /** First offset to keep in the history, and how many bytes of frames go with the older ones. */
  readonly trimHistory?: { readonly before: number; readonly bytes: number };
}

export type QueueChange =
  | { readonly op: 'put'; readonly promptId: string; readonly json: string; readonly score: number }
  | { readonly op: 'score'; readonly promptId: string; readonly score: number }
  /** The prompt runs now: out of the order, but kept until its turn is over. */
  | { readonly op: 'take'; readonly promptId: string }
  | { readonly op: 'del'; readonly promptId: string };

export type ApprovalChange =
  | { readonly op: 'open'; readonly approvalId: string; readonly json: string }
  | { readonly op: 'close'; readonly approvalId: string };

/** The right to write a session: what a claim gave. */
export interface Ownership {
  readonly sessionId: SessionId;
  readonly epoch: string;
  readonly fence: number;
  readonly incarnation: string;
}

export interface AppendInput {
  readonly owner: Ownership;
  /** Offset of the first frame; the others follow densely. */
  readonly first: number;
  /** Serialised events; stored and published as they are. */
  readonly frames: readonly string[];
  readonly effects?: AppendEffects | undefined;
}

export type AppendResult =
  /** `historyBytes`: size of the history stream's frames; null when the append had no effects. */
  | { readonly status: 'ok'; readonly head: number; readonly historyBytes: number | null }
  /** The whole batch was stored before (a retry after a lost reply). */
  | { readonly status: 'duplicate'; readonly head: number }
  /** The log does not end right before `first`: Redis lost a tail (head smaller), or a bug (head greater). */
  | { readonly status: 'gap'; readonly head: number }
  /** Somebody else owns the session by now: nothing more may be written. */
  | { readonly status: 'fenced'; readonly fence: number }
  /** The writer's lease is over: it may append again once it has beaten and knows that the session is still its own. */
  | { readonly status: 'expired' }
  | { readonly status: 'not_found' };

export type ResumeResult =
  | {
      readonly status: 'continue';
      readonly epoch: string;
      readonly head: number;
      readonly sessionStatus: SessionStatus;
      readonly frames: readonly string[];
    }
  | {
      readonly status: 'reset';
      readonly reason: ResetReason;
      readonly epoch: string;
      readonly head: number;
      readonly sessionStatus: SessionStatus;
      /** Offset the snapshot stands at; frames follow right after it. */
      readonly snapshotOffset: number;
      /** The view as JSON; null: the empty view. */
      readonly snapshot: string | null;
      readonly frames: readonly string[];
    }
  | { readonly status: 'not_found' };

/** A stored frame with the offset of its stream id. */
export interface StoredFrame {
  readonly offset: number;
  readonly frame: string;
}

/** The log's operations over one command connection. */
export interface EventLog {
  append(input: AppendInput): Promise<AppendResult>;
  /**
   * Answers a client's position. `userId` null when the caller was checked before. At most `limit` frames, and
   * about `maxBytes` of them (1 MiB by default); fewer frames than that do not mean that the head is reached.
   */
  resume(input: {
    readonly sessionId: SessionId;
    readonly userId: UserId | null;
    readonly position: Position | null;
    readonly limit: number;
    readonly maxBytes?: number;
  }): Promise<ResumeResult>;
  /** Frames after `after`, ascending, at most `limit`; `upTo` bounds them when given. */
  readAfter(input: {
    readonly sessionId: SessionId;
    readonly after: number;
    readonly upTo?: number;
    readonly limit: number;
  }): Promise<StoredFrame[]>;
  /** History events below `before` (all when null), descending from it, returned ascending; at most `limit`. */
  readHistory(input: {
    readonly sessionId: SessionId;
    readonly before: number | null;
    readonly limit: number;
  }): Promise<StoredFrame[]>;
  /** The oldest history events after `after`, ascending; at most `limit`. For trimming. */
  readOldestHistory(input: {
    readonly sessionId: SessionId;
    readonly after: number;
    readonly limit: number;
  }): Promise<StoredFrame[]>;
  /** Where each session's log stands, null for one that is gone or being deleted. For audits. */
  heads(sessionIds: readonly SessionId[]): Promise<(LogHead | null)[]>;
}

export interface LogHead {
  readonly epoch: string;
  readonly head: number;
  readonly sessionStatus: SessionStatus;
}

const AppendReply = z.union([
  z.tuple([z.enum(['duplicate', 'gap']), z.coerce.number()]),
  z.tuple([z.literal('fenced'), z.coerce.number(), z.string()]),
  z.tuple([z.literal('not_found')]),
  z.tuple([z.literal('expired')]),
]);

const DEFAULT_RESUME_BYTES = 1024 * 1024;
const MAX_ID_PART = '18446744073709551615';

/** `leaseUntil`: until when this process may append, in ms of Redis TIME, asked for each append; without it, always. */
export function createEventLog(redis: Redis, leaseUntil?: () => number): EventLog {
  return {
    append: async (input) => {
      const until = leaseUntil?.() ?? '';
      return parseAppend(await runScript(redis, appendScript, appendCall(input, until)));
    },
    resume: async (input) => {
      const keys = sessionKeys(input.sessionId);
      const reply = await runScript(redis, resumeScript, {
        keys: [keys.meta, keys.events, keys.snapshot],
        args: [
          input.userId ?? '',
          input.position?.epoch ?? '',
          input.position?.offset ?? 0,
          input.limit,
          input.maxBytes ?? DEFAULT_RESUME_BYTES,
        ],
      });
      return parseResume(reply);
    },
    readAfter: async ({ sessionId, after, upTo, limit }) => {
      const end = upTo === undefined ? '+' : `${upTo}-${MAX_ID_PART}`;
      const start = `(${after}-${MAX_ID_PART}`;
      return toFrames(await redis.xrange(sessionKeys(sessionId).events, start, end, 'COUNT', limit));
    },
    readHistory: async ({ sessionId, before, limit }) => {
      const start = before === null ? '+' : `(${before}-0`;
      const entries = await redis.xrevrange(sessionKeys(sessionId).history, start, '-', 'COUNT', limit);
      return toFrames(entries).toReversed();
    },
    readOldestHistory: async ({ sessionId, after, limit }) =>
      toFrames(await redis.xrange(sessionKeys(sessionId).history, `(${after}-0`, '+', 'COUNT', limit)),
    heads: async (sessionIds) => readHeads(redis, sessionIds),
  };
}

/** The keys of each owner's session: an owner appends thousands of times. */
const keysByOwner = new WeakMap<Ownership, SessionKeys>();

function keysOf(owner: Ownership): SessionKeys {
  const known = keysByOwner.get(owner);
  if (known !== undefined) return known;
  const keys = sessionKeys(owner.sessionId);
  keysByOwner.set(owner, keys);
  return keys;
}

function appendCall(input: AppendInput, until: number | ''): { keys: string[]; args: (string | number)[] } {
  const { owner, first, frames, effects } = input;
  const keys = keysOf(owner);
  const args = [owner.fence, owner.incarnation, owner.epoch, first];
  if (effects === undefined)
    return { keys: [keys.meta, keys.events, keys.live], args: [...args, '', '', until, ...frames] };
  const { history, snapshot, inbox, queue, order, approvals } = keys;
  const stored = effects.snapshot;
  return {
    keys: [keys.meta, keys.events, keys.live, history, snapshot, inbox, queue, order, approvals],
    args: [
      ...args,
      encodeEffects(effects),
      stored === undefined ? '' : `${stored.offset}\n${stored.json}`,
      until,
      ...frames,
    ],
  };
}

function encodeEffects(effects: AppendEffects): string {
  return JSON.stringify({
    history: effects.history?.map((index) => index + 1),
    ack: effects.ackSeq,
    meta: effects.meta,
    queue: effects.queue?.map((change) => {
      if (change.op === 'put') return ['put', change.promptId, change.json, change.score];
      return change.op === 'score' ? ['score', change.promptId, change.score] : [change.op, change.promptId];
    }),
    approvals: effects.approvals?.map((change) =>
      change.op === 'open' ? ['open', change.approvalId, change.json] : ['close', change.approvalId],
    ),
    trim: effects.trimBefore,
    trimHistory: effects.trimHistory,
  });
}

function parseAppend(reply: unknown): AppendResult {
  // Nearly every append is answered so, and a schema would be a good part of what it costs.
  if (Array.isArray(reply) && reply[0] === 'ok') return storedReply(Number(reply[1]), Number(reply[2]));
  const parsed = AppendReply.parse(reply);
  if (parsed[0] === 'fenced') return { status: 'fenced', fence: parsed[1] };
  if (parsed[0] === 'not_found') return { status: 'not_found' };
  if (parsed[0] === 'expired') return { status: 'expired' };
  return { status: parsed[0], head: parsed[1] };
}

function storedReply(head: number, historyBytes: number): AppendResult {
  return { status: 'ok', head, historyBytes: historyBytes < 0 ? null : historyBytes };
}

function parseResume(reply: unknown): ResumeResult {
  const parts = textsOf(reply);
  if (parts[0] === 'not_found') return { status: 'not_found' };
  if (parts[0] === 'continue') {
    const [, epoch = '', head, status, frames = ''] = parts;
    return {
      status: 'continue',
      epoch,
      head: Number(head),
      sessionStatus: SessionStatus.parse(status),
      frames: framesOf(frames),
    };
  }
  const [, reason, epoch = '', head, status, snapshot = '', frames = ''] = parts;
  const newline = snapshot.indexOf('\n');
  return {
    status: 'reset',
    reason: ResetReason.parse(reason),
    epoch,
    head: Number(head),
    sessionStatus: SessionStatus.parse(status),
    snapshotOffset: snapshot === '' ? 0 : Number(snapshot.slice(0, newline)),
    snapshot: snapshot === '' ? null : snapshot.slice(newline + 1),
    frames: framesOf(frames),
  };
}

/** All parts of a reply as text. */
function textsOf(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw new TypeError('a script did not answer an array');
  return reply.map(String);
}

/** The frames in the one text that the script makes of them. */
function framesOf(text: string): string[] {
  return text === '' ? [] : text.split(',\t');
}

function toFrames(entries: readonly [string, string[]][]): StoredFrame[] {
  return entries.map(([id, fields]) => ({ offset: Number.parseInt(id, 10), frame: fields[1] ?? '' }));
}

const HeadFields = z.tuple([
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
]);

async function readHeads(redis: Redis, sessionIds: readonly SessionId[]): Promise<(LogHead | null)[]> {
  const pipeline = redis.pipeline();
  for (const sessionId of sessionIds) {
    pipeline.hmget(sessionKeys(sessionId).meta, 'epoch', 'head', 'status', 'deleting');
  }
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error !== null) throw error;
    const [epoch, head, status, deleting] = HeadFields.parse(reply);
    if (epoch === null || head === null || deleting !== null) return null;
    return { epoch, head: Number(head), sessionStatus: SessionStatus.parse(status) };
  });
}
