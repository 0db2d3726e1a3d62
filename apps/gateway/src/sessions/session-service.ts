// What callers can do with sessions, for HTTP and WebSocket alike: every call checks the caller first, then
// writes to Redis, then makes sure that a worker hears of it. Throws ServiceError with a code of the catalogue.
import {
  contentText,
  filesOf,
  MAX_PROMPT_CHARS,
  ServiceError,
  TurnId,
  type Command,
  type PromptContent,
  type PromptId,
  type SessionChanges,
  type SessionId,
  type SessionRole,
  type SessionSummary,
  type SharedRole,
  type Upload,
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
  SessionRoles,
  SessionStore,
  SubmitResult,
  WorkerRegistry,
} from '@holdfast/shared/store';
import { authorise, type Caller, type SessionAction } from '../access/authorise.ts';
import type { UserLimits } from '../limits/user-limits.ts';
import { createSession, type NewSessionRequest } from './create-session.ts';
import { decideApproval, type DecideRequest } from './decide-approval.ts';
import { ensureOwner } from './ensure-owner.ts';
import { setCommand } from './set-command.ts';
import { sharing } from './share-session.ts';
import { stored, type MemoryGate } from './storage.ts';
import { describedContent, uploading, type NewUpload, type UploadDesk } from './uploads.ts';
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
  create(caller: Caller, request: NewSessionRequest): Promise<{ sessionId: SessionId; duplicate: boolean }>;
  /** Own and shared sessions, newest first: those put away, or all others. */
  list(caller: Caller, archived: boolean): Promise<SessionSummary[]>;
  read(caller: Caller, sessionId: SessionId): Promise<{ meta: SessionMeta; role: SessionRole }>;
  /** The caller's role in a session that they may read. */
  checkReader(caller: Caller, sessionId: SessionId): Promise<SessionRole>;
  isOwnerAlive(meta: SessionMeta): Promise<boolean>;
  open(caller: Caller, sessionId: SessionId): Promise<void>;
  /** Resolves once the prompt is durable in the inbox. */
  prompt(caller: Caller, sessionId: SessionId, prompt: PromptRequest): Promise<{ duplicate: boolean }>;
  /** Throws unless the caller may upload files for prompts of this session. */
  checkUploader(caller: Caller, sessionId: SessionId): Promise<void>;
  /** The largest file that is taken, in bytes. */
  readonly maxUploadBytes: number;
  /** Keeps a file for a prompt that comes soon. The caller was checked by `checkUploader`. */
  upload(sessionId: SessionId, file: NewUpload): Promise<Upload>;
  /** Throws `prompt_not_queued` when the prompt does not wait (any more); the owner decides for good. */
  changePrompt(caller: Caller, sessionId: SessionId, change: PromptChange): Promise<void>;
  /** Lets a paused queue go on. */
  resumeQueue(caller: Caller, sessionId: SessionId): Promise<void>;
  /** Has the owner's worker let everything through for so long; 0 minutes end it. */
  bypass(caller: Caller, sessionId: SessionId, minutes: number): Promise<void>;
  set(caller: Caller, sessionId: SessionId, changes: SessionChanges): Promise<void>;
  /** The turn that is asked to end; null when none runs (then nothing is done, unless the queue is to be cleared). */
  abort(caller: Caller, sessionId: SessionId, request: AbortRequest): Promise<{ turnId: TurnId | null }>;
  /** Resolves once the decision is the one that counts; see `decide-approval.ts` for how it is refused. */
  decide(caller: Caller, sessionId: SessionId, request: DecideRequest): Promise<{ duplicate: boolean }>;
  /** Gives somebody a role in the session, or another one. */
  share(caller: Caller, sessionId: SessionId, shared: { userId: UserId; role: SharedRole }): Promise<void>;
  /** Takes the role away; open connections of that user lose the session within seconds. */
  unshare(caller: Caller, sessionId: SessionId, userId: UserId): Promise<void>;
  /** With whom the session is shared. */
  sharedWith(caller: Caller, sessionId: SessionId): Promise<{ userId: UserId; role: SharedRole }[]>;
  remove(caller: Caller, sessionId: SessionId): Promise<void>;
}

export interface SessionServiceDeps {
  readonly store: SessionStore;
  readonly roles: SessionRoles;
  readonly inbox: CommandInbox;
  readonly approvals: ApprovalStore;
  readonly uploads: UploadDesk;
  readonly log: EventLog;
  readonly registry: WorkerRegistry;
  readonly placement: PlacementQueue;
  readonly memory: MemoryGate;
  readonly limits: Pick<UserLimits, 'countCommand' | 'checkNewSession' | 'checkPrompt'>;
  /** Where the sessions of a user may work. */
  readonly rootsOf: (userId: UserId) => Promise<WorkspaceRoots>;
  readonly logger: Logger;
}

export function createSessionService(deps: SessionServiceDeps): SessionService {
  const { store, roles, memory, limits } = deps;
  const open = async (userId: UserId, sessionId: SessionId): Promise<void> => {
    await submit(deps, sessionId, { type: 'open', by: userId });
  };
  /** Every call that names a session begins here. */
  const check = async (caller: Caller, sessionId: SessionId, action: SessionAction): Promise<SessionRole> => {
    const role = await stored(async () => roles.roleOf(sessionId, caller.userId));
    authorise(caller, { action, role });
    if (action !== 'read') await limits.countCommand(caller.userId);
    return role ?? 'viewer';
  };
  return {
    create: async (caller, request) => {
      authorise(caller, { action: 'create' });
      await limits.countCommand(caller.userId);
      await limits.checkNewSession(caller.userId);
      await memory.check();
      const userRoots = await deps.rootsOf(caller.userId);
      return createSession({ ...deps, roots: userRoots, open }, caller.userId, request);
    },
    list: async (caller, archived) => {
      authorise(caller, { action: 'list' });
      return stored(async () => store.list(caller.userId, archived));
    },
    read: async (caller, sessionId) => {
      const role = await check(caller, sessionId, 'read');
      return { meta: await readMeta(deps, sessionId), role };
    },
    checkReader: async (caller, sessionId) => check(caller, sessionId, 'read'),
    isOwnerAlive: async (meta) => isAlive(deps, meta.owner),
    open: async (caller, sessionId) => {
      await check(caller, sessionId, 'open');
      await open(caller.userId, sessionId);
    },
    prompt: async (caller, sessionId, prompt) => {
      await check(caller, sessionId, 'prompt');
      await limits.checkPrompt(caller.userId, sessionId);
      return sendPrompt(deps, { userId: caller.userId, sessionId, prompt });
    },
    checkUploader: async (caller, sessionId) => {
      await check(caller, sessionId, 'prompt');
      await memory.check();
    },
    ...uploading(deps.uploads),
    changePrompt: async (caller, sessionId, change) => {
      await check(caller, sessionId, 'changeQueue');
      await changePrompt(deps, { userId: caller.userId, sessionId, change });
    },
    resumeQueue: async (caller, sessionId) => {
      await check(caller, sessionId, 'changeQueue');
      await submit(deps, sessionId, { type: 'resumeQueue', by: caller.userId });
    },
    bypass: async (caller, sessionId, minutes) => {
      await check(caller, sessionId, 'change');
      await submit(deps, sessionId, { type: 'bypass', minutes, by: caller.userId });
    },
    set: async (caller, sessionId, changes) => {
      await check(caller, sessionId, 'change');
      await submit(
        deps,
        sessionId,
        await setCommand(changes, await deps.rootsOf(caller.userId), caller.userId),
      );
    },
    abort: async (caller, sessionId, request) => {
      await check(caller, sessionId, 'abort');
      return abort(deps, { userId: caller.userId, sessionId, request });
    },
    decide: async (caller, sessionId, request) => {
      await check(caller, sessionId, isForAlways(request) ? 'decideAlways' : 'decide');
      return decideApproval(deps, { userId: caller.userId, sessionId, ...request });
    },
    ...sharing(roles, async (caller, sessionId) => void (await check(caller, sessionId, 'share'))),
    remove: async (caller, sessionId) => {
      await check(caller, sessionId, 'delete');
      await submit(deps, sessionId, { type: 'delete', by: caller.userId });
      await stored(async () => store.unlist(caller.userId, sessionId));
    },
  };
}

function isForAlways({ decision }: DecideRequest): boolean {
  return decision.kind === 'allow' && decision.scope === 'always';
}

async function readMeta(deps: SessionServiceDeps, sessionId: SessionId): Promise<SessionMeta> {
  const meta = await stored(async () => deps.store.read(sessionId));
  if (meta === null || meta.deleting) throw new ServiceError('session_not_found');
  return meta;
}

async function abort(
  deps: SessionServiceDeps,
  call: { readonly userId: UserId; readonly sessionId: SessionId; readonly request: AbortRequest },
): Promise<{ turnId: TurnId | null }> {
  const { userId, sessionId, request } = call;
  const meta = await readMeta(deps, sessionId);
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
  if (change.type === 'promptEdit') {
    checkText(change.content);
    if (filesOf(change.content).length > 0) throw new ServiceError('bad_request');
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

async function sendPrompt(
  deps: SessionServiceDeps,
  call: { readonly userId: UserId; readonly sessionId: SessionId; readonly prompt: PromptRequest },
): Promise<{ duplicate: boolean }> {
  const { userId, sessionId, prompt } = call;
  const { promptId, whenBusy } = prompt;
  const content = await describedContent(deps.uploads, sessionId, prompt.content);
  checkText(content);
  await deps.memory.check();
  const mode = whenBusy === 'steer' || whenBusy === 'interrupt' ? { whenBusy } : {};
  const command: Command = { type: 'prompt', promptId, content, ...mode, by: userId };
  const result = await accept(deps, { sessionId, userId, command, onlyWhenFree: whenBusy === 'reject' });
  return { duplicate: result.status === 'duplicate' };
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
  if (result.status === 'upload_missing') throw new ServiceError('upload_missing');
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
  if (text.trim() === '' && filesOf(content).length === 0) throw new ServiceError('prompt_empty');
  if (text.length > MAX_PROMPT_CHARS) throw new ServiceError('prompt_too_large');
}
