// What a client asks to be set, checked and as a command: the agent itself accepts nonsense here.
import {
  isPlausibleModel,
  ServiceError,
  SettingsChanges,
  type CommandOf,
  type SessionChanges,
  type SessionSettings,
  type UserId,
} from '@holdfast/shared/protocol';
import { resolveCwd, type WorkspaceRoots } from './workspace.ts';

/** Throws `bad_request` when nothing is to be set, and as `resolveCwd` does for further directories. */
export async function setCommand(
  changes: SessionChanges,
  roots: WorkspaceRoots,
  by: UserId,
): Promise<CommandOf<'set'>> {
  const { title, archived } = changes;
  const rest = SettingsChanges.parse(changes);
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  if (title === undefined && archived === undefined && given.length === 0) {
    throw new ServiceError('bad_request');
  }
  checkModel(rest.model);
  if (given.length === 0) return { type: 'set', title, archived, by };
  return { type: 'set', title, archived, settings: await resolvedSettings(rest, roots), by };
}

/** The same settings with the real paths of their directories. */
export async function resolvedSettings<T extends Pick<SessionSettings, 'additionalDirectories'> | undefined>(
  settings: T,
  roots: WorkspaceRoots,
): Promise<T> {
  const directories = settings?.additionalDirectories;
  if (directories === undefined) return settings;
  const resolved = await Promise.all(directories.map(async (path) => resolveCwd(path, roots)));
  return { ...settings, additionalDirectories: [...new Set(resolved)] };
}

/** Refuses what can't be a model; throws `bad_request`. */
export function checkModel(model: string | null | undefined): void {
  if (model === undefined || model === null || isPlausibleModel(model)) return;
  const message = `"${model}" is not a model. Use default, opus, sonnet, haiku, opusplan, or a full name such as claude-opus-4-8.`;
  throw new ServiceError('bad_request', {
    message,
    details: { issues: [{ path: 'settings.model', message }] },
  });
}
