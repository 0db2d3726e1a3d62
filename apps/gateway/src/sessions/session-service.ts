// What callers can do with sessions, for HTTP and WebSocket alike: every call checks the caller first, then
// writes to Redis, then makes sure that a worker hears of it. Throws ServiceError with a code of the catalogue.
import {
  contentText,
  MAX_PROMPT_CHARS,
  ServiceError,
  TurnId,
  type Command,
  type PromptContent,
  type PromptId,
  type SessionChanges,
  type SessionId,
  type SessionSummary,
  type UserId,
  type WhenBusy,
} from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type {
  ApprovalStore,
  CommandInbox,
  EventLog,
  ObservedOwner,
  PlacementQueue,
  SessionMeta,
  SessionStore,
  SubmitResult,
  WorkerRegistry,
} from '@holdfast/shared/store';
import { createSession, type NewSessionRequest } from './create-session.ts';
import { decideApproval, type DecideRequest } from './decide-approval.ts';
import { ensureOwner } from './ensure-owner.ts';
import { stored, type MemoryGate } from './storage.ts';
import type { WorkspaceRoots } from './workspace.ts';

export interface AbortRequest {
  /** Without it: the turn that runs when the request is read. */
  readonly turnId?: TurnId | undefined;
  readonly queue: 'keep' | 'clear';
  readonly background: 'keep' | 'stop';
}

export interface PromptRequest {
  readonly promptId: PromptId;
  readonly content: PromptContent;
  readonly whenBusy: WhenBusy;
}

export type PromptChange =
  | { readonly type: 'promptEdit'; readonly promptId: PromptId; readonly content: PromptContent }
  | { readonly type: 'promptCancel'; readonly promptId: PromptId }
  /** `before`: the waiting prompt to stand in front of; null: the end of the queue. */
  | { readonly type: 'promptMove'; readonly promptId: PromptId; readonly before: PromptId | null };

export interface SessionService {
  create(userId: UserId, request: NewSessionRequest): Promise<{ sessionId: SessionId; duplicate: boolean }>;
  /** Newest first: the sessions put away, or all others. */
  list(userId: UserId, archived: boolean): Promise<SessionSummary[]>;
  read(userId: UserId, sessionId: SessionId): Promise<SessionMeta>;
  /** Throws `session_not_found` unless the user may read this session. */
  checkReader(userId: UserId, sessionId: SessionId): Promise<void>;
  isOwnerAlive(meta: SessionMeta): Promise<boolean>;
  open(userId: UserId, sessionId: SessionId): Promise<void>;
  /** Resolves once the prompt is durable in the inbox. */
  prompt(userId: UserId, sessionId: SessionId, prompt: PromptRequest): Promise<{ duplicate: boolean }>;
  /** Throws `prompt_not_queued` when the prompt does not wait (any more); the owner decides for good. */
  changePrompt(userId: UserId, sessionId: SessionId, change: PromptChange): Promise<void>;
  /** Lets a paused queue go on. */
  resumeQueue(userId: UserId, sessionId: SessionId): Promise<void>;
  set(userId: UserId, sessionId: SessionId, changes: SessionChanges): Promise<void>;
  /** The turn that is asked to end; null when none runs (then nothing is done, unless the queue is to be cleared). */
  abort(userId: UserId, sessionId: SessionId, request: AbortRequest): Promise<{ turnId: TurnId | null }>;
  /** Resolves once the decision is the one that counts; see `decide-approval.ts` for how it is refused. */
  decide(userId: UserId, sessionId: SessionId, request: DecideRequest): Promise<{ duplicate: boolean }>;
  remove(userId: UserId, sessionId: SessionId): Promise<void>;
}

export interface SessionServiceDeps {
  readonly store: SessionStore;
  readonly inbox: CommandInbox;
  readonly approvals: ApprovalStore;
  readonly log: EventLog;
  readonly registry: WorkerRegistry;
  readonly placement: PlacementQueue;
  readonly memory: MemoryGate;
  readonly roots: WorkspaceRoots;
  readonly logger: Logger;
}

export function createSessionService(deps: SessionServiceDeps): SessionService {
  const { store, memory } = deps;
  const open = async (userId: UserId, sessionId: SessionId): Promise<void> => {
    await submit(deps, sessionId, { type: 'open', by: userId });
  };
  return {
    create: async (userId, request) => {
      await memory.check();
      return createSession({ ...deps, open }, userId, request);
    },
    list: async (userId, archived) => stored(async () => store.list(userId, archived)),
    read: async (userId, sessionId) => readOwn(deps, userId, sessionId),
    checkReader: async (userId, sessionId) => {
      const may = await stored(async () => store.isOwnedBy(sessionId, userId));
      if (!may) throw new ServiceError('session_not_found');
    },
    isOwnerAlive: async (meta) => isAlive(deps, meta.owner),
    open,
    prompt: async (userId, sessionId, { promptId, content, whenBusy }) => {
      checkText(content);
      await memory.check();
      const mode = whenBusy === 'steer' || whenBusy === 'interrupt' ? { whenBusy } : {};
      const command: Command = { type: 'prompt', promptId, content, ...mode, by: userId };
      const onlyWhenFree = whenBusy === 'reject';
      const result = await accept(deps, { sessionId, userId, command, onlyWhenFree });
      return { duplicate: result.status === 'duplicate' };
    },
    changePrompt: async (userId, sessionId, change) => changePrompt(deps, { userId, sessionId, change }),
    resumeQueue: async (userId, sessionId) => {
      await submit(deps, sessionId, { type: 'resumeQueue', by: userId });
    },
    set: async (userId, sessionId, { title, archived }) => {
      if (title === undefined && archived === undefined) throw new ServiceError('bad_request');
      await submit(deps, sessionId, { type: 'set', title, archived, by: userId });
    },
    abort: async (userId, sessionId, request) => abort(deps, { userId, sessionId, request }),
    decide: async (userId, sessionId, request) => decideApproval(deps, { userId, sessionId, ...request }),
    remove: async (userId, sessionId) => {
      await submit(deps, sessionId, { type: 'delete', by: userId });
      await stored(async () => store.unlist(userId, sessionId));
    },
  };
}

async function readOwn(deps: SessionServiceDeps, userId: UserId, sessionId: SessionId): Promise<SessionMeta> {
  const meta = await stored(async () => deps.store.read(sessionId));
  if (meta === null || meta.deleting || meta.userId !== userId) throw new ServiceError('session_not_found');
  return meta;
}

async function abort(
  deps: SessionServiceDeps,
  call: { readonly userId: UserId; readonly sessionId: SessionId; readonly request: AbortRequest },
): Promise<{ turnId: TurnId | null }> {
  const { userId, sessionId, request } = call;
  const meta = await readOwn(deps, userId, sessionId);
  const running = meta.turnId === null ? null : TurnId.parse(meta.turnId);
  // A turn's id is new with every attempt and known only once it runs: another one than the running one is over.
  const turnId = request.turnId === undefined || request.turnId === running ? running : null;
  const { queue, background } = request;
  if (turnId === null && queue === 'keep' && background === 'keep') return { turnId: null };
  await submit(deps, sessionId, { type: 'abort', turnId, queue, background, by: userId });
  return { turnId };
}

async function changePrompt(
  deps: SessionServiceDeps,
  call: { readonly userId: UserId; readonly sessionId: SessionId; readonly change: PromptChange },
): Promise<void> {
  const { userId, sessionId, change } = call;
  await readOwn(deps, userId, sessionId);
  if (change.type === 'promptEdit') {
    checkText(change.content);
    await deps.memory.check();
  }
  const named =
    change.type === 'promptMove' && change.before !== null
      ? [change.promptId, change.before]
      : [change.promptId];
  const waiting = await stored(async () => deps.inbox.waiting(sessionId, named));
  const gone = named.filter((promptId) => !waiting.has(promptId));
  if (gone.length > 0) throw new ServiceError('prompt_not_queued', { details: { promptIds: gone } });
  await submit(deps, sessionId, commandOf(change, userId));
}

/** Only the command's own fields: what else a frame carries is not stored. */
function commandOf(change: PromptChange, by: UserId): Command {
  const { promptId } = change;
  switch (change.type) {
    case 'promptEdit':
      return { type: change.type, promptId, content: change.content, by };
    case 'promptCancel':
      return { type: change.type, promptId, by };
    case 'promptMove':
      return { type: change.type, promptId, before: change.before, by };
  }
}

async function submit(
  deps: SessionServiceDeps,
  sessionId: SessionId,
  command: Command,
): Promise<Extract<SubmitResult, { status: 'accepted' | 'duplicate' }>> {
  return accept(deps, { sessionId, userId: command.by, command });
}

async function accept(
  deps: SessionServiceDeps,
  input: Parameters<CommandInbox['submit']>[0],
): Promise<Extract<SubmitResult, { status: 'accepted' | 'duplicate' }>> {
  const result = await stored(async () => deps.inbox.submit(input));
  if (result.status === 'not_found') throw new ServiceError('session_not_found');
  if (result.status === 'busy') throw new ServiceError('prompt_busy');
  if (result.status === 'queue_full') {
    throw new ServiceError('queue_full', { details: { waiting: result.waiting } });
  }
  await ensureOwner(deps, input.sessionId, result);
  return result;
}

async function isAlive(deps: SessionServiceDeps, owner: ObservedOwner): Promise<boolean> {
  return owner !== null && (await stored(async () => deps.registry.isAlive(owner)));
}

function checkText(content: PromptContent): void {
  const text = contentText(content);
  if (text.trim() === '') throw new ServiceError('prompt_empty');
  if (text.length > MAX_PROMPT_CHARS) throw new ServiceError('prompt_too_large');
}
