// Making a session: one for each createId of a user, with its folder and its first event.
import { rmdir } from 'node:fs/promises';
import {
  ServiceError,
  SessionSettings,
  type CreateId,
  type SessionEvent,
  type SessionId,
  type UserId,
} from '@holdfast/shared/protocol';
import type { SessionStore } from '@holdfast/shared/store';
import { checkModel, resolvedSettings } from './set-command.ts';
import { stored } from './storage.ts';
import { makeSessionFolder, resolveCwd, type WorkspaceRoots } from './workspace.ts';

export interface NewSessionRequest {
  readonly createId: CreateId;
  readonly cwd?: string | undefined;
  readonly title?: string | undefined;
  readonly settings?: SessionSettings | undefined;
}

export interface CreationDeps {
  readonly store: SessionStore;
  readonly roots: WorkspaceRoots;
  /** Says that a person opened the session: its child is started. */
  readonly open: (userId: UserId, sessionId: SessionId) => Promise<void>;
}

interface Creation {
  readonly sessionId: SessionId;
  readonly userId: UserId;
  readonly request: NewSessionRequest;
  /** The folder that was asked for, resolved; undefined: one of its own is made. */
  readonly given: string | undefined;
}

/** Creates the session, or finds the one that this createId made. Throws ServiceError. */
export async function createSession(
  deps: CreationDeps,
  userId: UserId,
  request: NewSessionRequest,
): Promise<{ sessionId: SessionId; duplicate: boolean }> {
  const { store, roots } = deps;
  const { createId } = request;
  checkModel(request.settings?.model);
  const given = request.cwd === undefined ? undefined : await resolveCwd(request.cwd, roots);
  const settings = await resolvedSettings(request.settings, roots);
  const { sessionId } = await stored(async () => store.reserveId(userId, createId));
  const common = { userId, request: { ...request, settings }, given };
  const outcome = await createAs(deps, { ...common, sessionId });
  if (outcome !== 'gone') return { sessionId, duplicate: outcome === 'exists' };
  // The session that this createId made was deleted. That one never comes back; the createId makes another.
  const fresh = await stored(async () => store.renewId(userId, createId, sessionId));
  const second = await createAs(deps, { ...common, sessionId: fresh });
  if (second === 'gone') throw new ServiceError('session_not_found');
  return { sessionId: fresh, duplicate: second === 'exists' };
}

async function createAs(deps: CreationDeps, creation: Creation): Promise<'created' | 'exists' | 'gone'> {
  const { sessionId, userId, request, given } = creation;
  const { store, roots, open } = deps;
  const folder =
    given === undefined ? await makeSessionFolder(sessionId, roots) : { path: given, isNew: false };
  const cwd = folder.path;
  const takeBack = async (): Promise<void> => {
    if (folder.isNew) await rmdir(cwd).catch(() => undefined);
  };
  try {
    const outcome = await stored(async () => store.create(newSession({ sessionId, userId, cwd, request })));
    if (outcome === 'gone') await takeBack();
    if (outcome === 'created') await open(userId, sessionId);
    return outcome;
  } catch (error) {
    // After any other failure the session may exist: then its folder must.
    if (error instanceof ServiceError && error.code === 'storage_full') await takeBack();
    throw error;
  }
}

function newSession(input: {
  readonly sessionId: SessionId;
  readonly userId: UserId;
  readonly cwd: string;
  readonly request: NewSessionRequest;
}): Parameters<SessionStore['create']>[0] {
  const { sessionId, userId, cwd, request } = input;
  const at = Date.now();
  const title = request.title ?? null;
  const settings = request.settings ?? SessionSettings.parse({});
  const event: SessionEvent = {
    offset: 1,
    at,
    type: 'session_created',
    sessionId,
    userId,
    title,
    cwd,
    settings,
  };
  const epoch = crypto.randomUUID().slice(0, 8);
  return { sessionId, userId, epoch, cwd, title, settings, frame: JSON.stringify(event), at };
}
