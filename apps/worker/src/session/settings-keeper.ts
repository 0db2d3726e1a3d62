// Settings that change while a session lives: into the log first, then to the CLI. What the CLI has a control request
// for holds at once; for the rest it is started anew between turns and goes on with its conversation.
import {
  changedSettings,
  isSameSetting,
  type CommandOf,
  type SessionSettings,
  type UserId,
} from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type { AppendEffects, UserTrust } from '@holdfast/shared/store';
import type { ChildHost } from './child-host.ts';
import type { EventWriter } from './event-writer.ts';

export interface SettingsKeeperDeps {
  readonly writer: Pick<EventWriter, 'push' | 'flushed' | 'view'>;
  readonly child: Pick<ChildHost, 'state' | 'request'>;
  /** The mode that the permission gate goes by. */
  readonly setMode: (mode: string) => void;
  readonly trust: UserTrust;
  readonly userId: UserId;
  readonly cwd: string;
  readonly logger: Logger;
}

/** The cause that a child is ended with to be started with other settings. */
export const SETTINGS_CHANGED = 'settings_changed';

/** What the CLI reads only when it starts. */
const AT_START = [
  'allowedTools',
  'disallowedTools',
  'additionalDirectories',
  'mcpServers',
  'trusted',
] as const satisfies (keyof SessionSettings)[];

export class SettingsKeeper {
  readonly #deps: SettingsKeeperDeps;
  #isStale = false;

  constructor(deps: SettingsKeeperDeps) {
    this.#deps = deps;
  }

  /** The child that runs has settings of before: it is to be started anew as soon as no turn runs. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** A child is started with the settings of now. Resolves to whether its workspace is trusted. */
  async starting(settings: SessionSettings): Promise<boolean> {
    this.#isStale = false;
    return settings.trusted ?? this.#deps.trust.isTrusted(this.#deps.userId, this.#deps.cwd);
  }

  /**
   * Carries `set` out; returns whether an append acknowledges it. Waits for what was written before, since the event
   * tells everything as it is from then on.
   */
  async set(command: CommandOf<'set'>, effects: AppendEffects): Promise<boolean> {
    const { writer } = this.#deps;
    await writer.flushed();
    const before = writer.view;
    const settings = changedSettings(before.settings, command.settings ?? {});
    const title = command.title ?? before.title;
    const archived = command.archived ?? before.archived;
    const isSame = settings === before.settings && title === before.title && archived === before.archived;
    if (isSame) return false;
    writer.push([{ type: 'settings_changed', settings, title, archived, by: command.by }], effects);
    await this.#remember(before.settings, settings);
    await this.#apply(before.settings, settings);
    return true;
  }

  /** What is said of a folder holds for the user's later sessions there. */
  async #remember(before: SessionSettings, { trusted }: SessionSettings): Promise<void> {
    if (trusted === undefined || trusted === before.trusted) return;
    const { trust, userId, cwd, logger, writer } = this.#deps;
    try {
      await trust.set(userId, cwd, trusted);
    } catch (error) {
      logger.warn({ err: error }, 'the trust in a folder was not stored');
      const text = 'This session goes by what was said; other sessions in this folder will ask again.';
      writer.push([{ type: 'notice', kind: 'warning', text }]);
    }
  }

  async #apply(before: SessionSettings, after: SessionSettings): Promise<void> {
    const { child, setMode } = this.#deps;
    if (child.state === 'none') return;
    const needsStart = AT_START.some((name) => !isSameSetting(before[name], after[name]));
    // A child that is being started has the settings of before and takes no requests yet.
    this.#isStale ||= needsStart || child.state === 'starting';
    const { permissionMode: mode, model } = after;
    if (mode !== before.permissionMode) {
      setMode(mode);
      await this.#request({ subtype: 'set_permission_mode', mode });
    }
    if (model === before.model) return;
    if (model === undefined) this.#isStale = true;
    else await this.#request({ subtype: 'set_model', model });
  }

  /** Where the CLI does not take a request, a new one is given the setting when it starts. */
  async #request(request: { readonly subtype: string } & Record<string, unknown>): Promise<void> {
    if (this.#isStale) return;
    const answer = await this.#deps.child.request(request);
    if (answer.status !== 'ok') this.#isStale = true;
  }
}
