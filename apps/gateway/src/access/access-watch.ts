// Takes what is open away from those who lost the right to it: a credential that ends or is revoked, a session that is
// not shared any more. Told by Redis, and looked up every few seconds, since pub/sub may lie. What a user who can't be
// logged out follows of their own costs nothing here.
import type { SessionId, SessionRole } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import { ACCESS_CHANNEL, AccessChange, type SessionRoles, type Subscriber } from '@holdfast/shared/store';
import type { Authenticator, Identity } from '../auth/identity.ts';

/** How long a right that was taken away may go on where nothing was heard of it. */
const RECHECK_MS = 5_000;
/** Node's timers end at once beyond this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface AccessWatchDeps {
  readonly roles: Pick<SessionRoles, 'roleOf'>;
  readonly authenticator: Pick<Authenticator, 'isRevoked'>;
  readonly subscriber: Subscriber;
  readonly logger: Logger;
}

interface Follow {
  readonly identity: Identity;
  readonly sessionId: SessionId;
  readonly end: () => void;
}

interface Login {
  readonly credentialId: string;
  readonly end: () => void;
}

export class AccessWatch {
  readonly #deps: AccessWatchDeps;
  readonly #follows = new Set<Follow>();
  readonly #logins = new Set<Login>();
  readonly #timer: NodeJS.Timeout;

  constructor(deps: AccessWatchDeps) {
    this.#deps = deps;
    deps.subscriber.subscribe(ACCESS_CHANNEL, (body) => this.#onMessage(body)).catch(() => undefined);
    deps.subscriber.onGap(() => this.#recheckAll());
    this.#timer = setInterval(() => this.#recheckAll(), RECHECK_MS);
    this.#timer.unref();
  }

  /** Calls `end` once when the credential ends or is revoked. Returns what stops the watch. */
  onLoginEnd(identity: Identity, end: () => void): () => void {
    const { credentialId, expiresAt } = identity;
    const login = credentialId === null ? undefined : { credentialId, end };
    if (login !== undefined) this.#logins.add(login);
    let timer: NodeJS.Timeout | undefined;
    const arm = (): void => {
      const leftMs = (expiresAt ?? 0) - Date.now();
      timer = setTimeout(leftMs > MAX_TIMER_MS ? arm : end, Math.max(0, Math.min(leftMs, MAX_TIMER_MS)));
      timer.unref();
    };
    if (expiresAt !== null) arm();
    return () => {
      clearTimeout(timer);
      if (login !== undefined) this.#logins.delete(login);
    };
  }

  /**
   * Calls `end` once when somebody who follows a session of another user has no role in it any more. Looks at once as
   * well: the role may have gone since it was read. Returns what stops the watch.
   */
  onRoleEnd(
    follow: { readonly identity: Identity; readonly sessionId: SessionId; readonly role: SessionRole },
    end: () => void,
  ): () => void {
    if (follow.role === 'owner') return () => undefined;
    const { identity, sessionId } = follow;
    const watched = { identity, sessionId, end };
    this.#follows.add(watched);
    void this.#recheckRole(watched);
    return () => void this.#follows.delete(watched);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#follows.clear();
    this.#logins.clear();
  }

  #onMessage(body: Buffer): void {
    const change = AccessChange.safeParse(parseJson(body)).data;
    if (change === undefined) return;
    if (change.type === 'credential') return void this.#recheckLogin(change.credentialId);
    for (const follow of this.#follows) {
      const isMeant = follow.sessionId === change.sessionId && follow.identity.userId === change.userId;
      if (isMeant) void this.#recheckRole(follow);
    }
  }

  #recheckAll(): void {
    for (const follow of this.#follows) void this.#recheckRole(follow);
    for (const id of new Set([...this.#logins].map(({ credentialId }) => credentialId))) {
      void this.#recheckLogin(id);
    }
  }

  async #recheckRole(follow: Follow): Promise<void> {
    const { identity, sessionId } = follow;
    const role = await this.#look(async () => this.#deps.roles.roleOf(sessionId, identity.userId));
    if (role === null && this.#follows.delete(follow)) follow.end();
  }

  async #recheckLogin(credentialId: string): Promise<void> {
    const isRevoked = await this.#look(async () => this.#deps.authenticator.isRevoked(credentialId));
    if (isRevoked !== true) return;
    for (const login of this.#logins) {
      if (login.credentialId === credentialId && this.#logins.delete(login)) login.end();
    }
  }

  /** Undefined while Redis is away: nothing new can be read then either, and the next look is soon. */
  async #look<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#deps.logger.debug({ err: error }, 'access could not be looked up');
      return undefined;
    }
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
