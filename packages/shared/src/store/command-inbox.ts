// The inbox of a session: commands go in here (gateway), and are read in order by the owner (worker).
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { Command } from '../protocol/commands.ts';
import { filesOf } from '../protocol/content.ts';
import type { PromptId, SessionId, UserId } from '../protocol/ids.ts';
import { WorkerId } from '../protocol/ids.ts';
import type { Ownership } from './event-log.ts';
import { blobKey, sessionKeys } from './keys.ts';
import { evenWhenFull, loadScript, runScript } from './script-runner.ts';

const submitScript = loadScript('submit_command');
/** Ends work, which must be possible when nothing else is. */
const submitEndScript = evenWhenFull(submitScript);
const ENDS: ReadonlySet<Command['type']> = new Set(['abort', 'delete', 'promptCancel']);
const ackScript = loadScript('ack_inbox');

/** How long a used prompt id is remembered. Shorter than this, a late retry could run a prompt twice. */
const IDEMPOTENCY_LIFE_MS = 24 * 3600 * 1000;
/** Most prompts that may wait in one session. */
export const QUEUE_CAP = 100;

/** The worker that was the owner when the command was stored; it may be dead. */
export type ObservedOwner = { readonly workerId: WorkerId; readonly incarnation: string } | null;

/** Who is to hear of a command. */
export interface Addressee {
  readonly owner: ObservedOwner;
  /** Who owns the session, or owned it last: its files are warm there. */
  readonly lastOwner: WorkerId | null;
}

export type SubmitResult =
  | ({ readonly status: 'accepted'; readonly seq: number } & Addressee)
  /** The same prompt was accepted before. */
  | ({ readonly status: 'duplicate' } & Addressee)
  | { readonly status: 'not_found' }
  | { readonly status: 'queue_full'; readonly waiting: number }
  /** A file of the prompt is gone, or another prompt has it. */
  | { readonly status: 'upload_missing' }
  /** A turn runs, or prompts wait, and the prompt asked not to wait. */
  | { readonly status: 'busy' };

/** A command of the inbox; null is one of a shape that this version does not know. */
export interface ReadCommand {
  readonly seq: number;
  readonly command: Command | null;
}

/** The command that a message of the doorbell brought; null when it brought none. */
export function parseDoorbell(body: string): ReadCommand | null {
  const newline = body.indexOf('\n');
  const seq = Number(body.slice(0, Math.max(0, newline)));
  if (newline < 1 || !Number.isSafeInteger(seq)) return null;
  return { seq, command: parseCommand(body.slice(newline + 1)) };
}

export interface StoredPrompt {
  readonly promptId: string;
  readonly json: string;
}

export interface StoredQueue {
  readonly waiting: readonly (StoredPrompt & { readonly score: number })[];
  /** Taken out of the order when a turn began, and not yet over. */
  readonly taken: readonly StoredPrompt[];
}

export interface CommandInbox {
  /** Stores a command for the session's owner, after checking that `userId` owns the session. */
  submit(input: {
    readonly sessionId: SessionId;
    readonly userId: UserId;
    readonly command: Command;
    /** Refuse the command (`busy`) unless a prompt could start at once. */
    readonly onlyWhenFree?: boolean;
  }): Promise<SubmitResult>;
  /** Which of the prompts wait: in the queue, or unread in the inbox. What is true now may be over in a moment. */
  waiting(sessionId: SessionId, promptIds: readonly PromptId[]): Promise<ReadonlySet<PromptId>>;
  /** Commands after `after`, in order. A command of a shape this version does not know is null. */
  readAfter(sessionId: SessionId, after: number): Promise<ReadCommand[]>;
  /** Acknowledges up to `seq` where no append does it. */
  acknowledge(owner: Ownership, seq: number): Promise<'ok' | 'fenced'>;
  /** The prompts as the owner stored them with its appends: those that wait, in order, and those being run. */
  readQueue(sessionId: SessionId): Promise<StoredQueue>;
}

const SubmitReply = z.union([
  z.tuple([z.literal('accepted'), z.coerce.number(), z.string(), z.string(), z.string()]),
  z.tuple([z.literal('duplicate'), z.string(), z.string(), z.string()]),
  z.tuple([z.enum(['not_found', 'busy', 'upload_missing'])]),
  z.tuple([z.literal('queue_full'), z.coerce.number()]),
]);

export function createCommandInbox(redis: Redis): CommandInbox {
  return {
    submit: async ({ sessionId, userId, command, onlyWhenFree }) => {
      const keys = sessionKeys(sessionId);
      const isPrompt = command.type === 'prompt';
      const files = isPrompt ? filesOf(command.content) : [];
      const blobs = [...new Set(files.map(({ uploadId }) => blobKey(sessionId, uploadId)))];
      const reply = await runScript(redis, ENDS.has(command.type) ? submitEndScript : submitScript, {
        keys: [
          keys.meta,
          keys.inbox,
          keys.order,
          keys.idem,
          keys.doorbell,
          keys.live,
          keys.uploads,
          ...blobs,
        ],
        args: [
          userId,
          JSON.stringify(command),
          isPrompt ? `prompt:${command.promptId}` : '',
          IDEMPOTENCY_LIFE_MS,
          isPrompt ? QUEUE_CAP : '',
          command.type === 'delete' ? '1' : '',
          onlyWhenFree === true ? '1' : '',
        ],
      });
      return parseSubmit(reply);
    },
    waiting: async (sessionId, promptIds) => waiting(redis, sessionId, promptIds),
    readAfter: async (sessionId, after) => {
      const entries = await redis.xrange(sessionKeys(sessionId).inbox, `(${after}-0`, '+', 'COUNT', 256);
      return entries.map(([id, fields]) => ({
        seq: Number.parseInt(id, 10),
        command: parseCommand(fields[1]),
      }));
    },
    acknowledge: async (owner, seq) => {
      const keys = sessionKeys(owner.sessionId);
      const reply = await runScript(redis, ackScript, {
        keys: [keys.meta, keys.inbox],
        args: [owner.fence, owner.incarnation, seq],
      });
      return z.tuple([z.enum(['ok', 'fenced'])]).parse(reply)[0];
    },
    readQueue: async (sessionId) => readQueue(redis, sessionId),
  };
}

async function waiting(
  redis: Redis,
  sessionId: SessionId,
  promptIds: readonly PromptId[],
): Promise<ReadonlySet<PromptId>> {
  const keys = sessionKeys(sessionId);
  // The inbox first: a prompt that the owner reads meanwhile is in the queue by the second look.
  const unread = await redis.xrange(keys.inbox, '-', '+');
  const asked = unread.flatMap(([, fields]) => {
    const command = parseCommand(fields[1]);
    return command?.type === 'prompt' ? [command.promptId] : [];
  });
  const scores = await redis.zmscore(keys.order, ...promptIds);
  return new Set(promptIds.filter((id, index) => asked.includes(id) || scores[index] !== null));
}

async function readQueue(redis: Redis, sessionId: SessionId): Promise<StoredQueue> {
  const keys = sessionKeys(sessionId);
  const [order, stored] = await Promise.all([
    redis.zrange(keys.order, '0', '-1', 'WITHSCORES'),
    redis.hgetall(keys.queue),
  ]);
  const waiting: (StoredPrompt & { score: number })[] = [];
  const prompts = new Map(Object.entries(stored));
  for (let index = 0; index < order.length; index += 2) {
    const promptId = order[index] ?? '';
    const json = prompts.get(promptId);
    prompts.delete(promptId);
    if (json !== undefined) waiting.push({ promptId, score: Number(order[index + 1]), json });
  }
  return { waiting, taken: [...prompts].map(([promptId, json]) => ({ promptId, json })) };
}

function parseSubmit(reply: unknown): SubmitResult {
  const parsed = SubmitReply.parse(reply);
  switch (parsed[0]) {
    case 'accepted':
      return { status: 'accepted', seq: parsed[1], ...toAddressee(parsed[2], parsed[3], parsed[4]) };
    case 'duplicate':
      return { status: 'duplicate', ...toAddressee(parsed[1], parsed[2], parsed[3]) };
    case 'queue_full':
      return { status: 'queue_full', waiting: parsed[1] };
    case 'not_found':
    case 'busy':
    case 'upload_missing':
      return { status: parsed[0] };
  }
}

/** From what a script answers of a session's owner: '' where there is none. */
export function toAddressee(owner: string, incarnation: string, last: string): Addressee {
  const lastOwner = last === '' ? null : WorkerId.parse(last);
  if (owner === '') return { owner: null, lastOwner };
  const workerId = WorkerId.parse(owner);
  return { owner: { workerId, incarnation }, lastOwner: workerId };
}

function parseCommand(text: string | undefined): Command | null {
  if (text === undefined) return null;
  try {
    const parsed = Command.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
