// Which folders a session may work in: existing folders under the workspace roots, symlinks resolved.
import { mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { ServiceError, type SessionId, type UserId } from '@holdfast/shared/protocol';
import { userFolder } from '@holdfast/shared/runtime';

/** The configured roots with their symlinks resolved; at least one. */
export type WorkspaceRoots = readonly [string, ...string[]];

/** Resolves the configured roots. Without any, `<dataDir>/workspaces` is made and used. Throws a sentence for people. */
export async function openWorkspaceRoots(
  configured: readonly string[] | undefined,
  dataDir: string,
): Promise<WorkspaceRoots> {
  if (configured === undefined) {
    const fallback = join(dataDir, 'workspaces');
    await mkdir(fallback, { recursive: true });
    return [await realpath(fallback)];
  }
  const roots = await Promise.all(configured.map(openRoot));
  const [first, ...others] = roots;
  if (first === undefined) throw new Error('HOLDFAST_WORKSPACE_ROOTS names no folder.');
  return [first, ...others];
}

/**
 * Where each user's sessions may work: all under the same roots, or, in a team, each under a folder of their own in every
 * root, made when it is first needed.
 */
export function workspaceRootsOf(
  roots: WorkspaceRoots,
  { isTeam }: { readonly isTeam: boolean },
): (userId: UserId) => Promise<WorkspaceRoots> {
  if (!isTeam) return async () => roots;
  return async (userId) => {
    const [first, ...others] = roots;
    const own = async (root: string): Promise<string> => ownFolder(root, userId);
    return [await own(first), ...(await Promise.all(others.map(own)))];
  };
}

async function ownFolder(root: string, userId: UserId): Promise<string> {
  const path = join(root, userFolder(userId));
  await mkdir(path, { recursive: true, mode: 0o700 });
  // A link in its place would lead somewhere else.
  if ((await realpath(path)) !== path) throw new Error(`${path} is not a folder`);
  return path;
}

async function openRoot(root: string): Promise<string> {
  const real = await realFolder(root);
  if (real === undefined) {
    throw new Error(`HOLDFAST_WORKSPACE_ROOTS names ${root}, which is not an existing folder.`);
  }
  return real;
}

/**
 * The real path of a working directory that a client asked for.
 * Throws `cwd_not_allowed` (naming the roots and the variable) or `cwd_missing`; what lies outside the roots is
 * never told to exist or not.
 */
export async function resolveCwd(cwd: string, roots: WorkspaceRoots): Promise<string> {
  if (!isAbsolute(cwd) || cwd.includes('\0')) throw notAllowed(roots);
  const real = await realFolder(cwd);
  if (real !== undefined) {
    if (isUnderAny(real, roots)) return real;
    throw notAllowed(roots);
  }
  if (isUnderAny(await nearestRealFolder(resolve(cwd)), roots)) throw new ServiceError('cwd_missing');
  throw notAllowed(roots);
}

/** The real path of the closest folder above a path that does not exist. */
async function nearestRealFolder(path: string): Promise<string> {
  const parent = dirname(path);
  return (await realFolder(parent)) ?? (parent === path ? path : nearestRealFolder(parent));
}

/** Makes the folder of a session that was created without one; `isNew` is false when it was there already. */
export async function makeSessionFolder(
  sessionId: SessionId,
  roots: WorkspaceRoots,
): Promise<{ readonly path: string; readonly isNew: boolean }> {
  const path = join(roots[0], sessionId);
  const made = await mkdir(path, { recursive: true });
  return { path, isNew: made !== undefined };
}

function isUnderAny(path: string, roots: WorkspaceRoots): boolean {
  return roots.some((root) => path === root || path.startsWith(root.endsWith(sep) ? root : root + sep));
}

async function realFolder(path: string): Promise<string | undefined> {
  try {
    const real = await realpath(path);
    return (await stat(real)).isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}

function notAllowed(roots: WorkspaceRoots): ServiceError {
  return new ServiceError('cwd_not_allowed', {
    message:
      `The working directory must be an absolute path under one of the workspace roots: ${roots.join(', ')}. ` +
      'Set HOLDFAST_WORKSPACE_ROOTS to allow others.',
    details: { roots: [...roots], variable: 'HOLDFAST_WORKSPACE_ROOTS' },
  });
}
