// Whom a connection belongs to: looked up at hello, renewed by refresh, ended when the credential ends. What comes while
// hello's token is looked up waits for the answer.
import type { AccessWatch } from '../access/access-watch.ts';
import { ServiceError, type ConnectionId, type ErrorCode } from '@holdfast/shared/protocol';
import type { Authenticator, Identity } from '../auth/identity.ts';
import type { UserLimits } from '../limits/user-limits.ts';
import { stored } from '../sessions/storage.ts';

/** Messages that may come before hello is answered. */
const MAX_HELD = 64;

export interface ConnectionLoginDeps {
  readonly authenticator: Authenticator;
  readonly access: AccessWatch;
  readonly limits: Pick<UserLimits, 'openConnection'>;
  readonly connectionId: ConnectionId;
  /** The peer's address. */
  readonly address: string;
}

export class ConnectionLogin {
  readonly #deps: ConnectionLoginDeps;
  #held: (() => void)[] | undefined;
  #endWatch: (() => void) | undefined;
  #freePlace: (() => void) | undefined;
  #isClosed = false;

  constructor(deps: ConnectionLoginDeps) {
    this.#deps = deps;
  }

  get isLooking(): boolean {
    return this.#held !== undefined;
  }

  /** Keeps a message for later; false when there are too many. */
  hold(again: () => void): boolean {
    return this.#held !== undefined && this.#held.push(again) <= MAX_HELD;
  }

  /**
   * Finds out whose hello it is and takes a place for the connection, hands the answer on, and then lets go of what was
   * held. The answer is the identity, or the error that ends the connection.
   */
  async lookUp(
    find: () => Promise<Identity | undefined>,
    then: (found: Identity | ErrorCode) => void,
  ): Promise<void> {
    this.#held = [];
    const found = await this.#admit(find).catch((error: unknown) =>
      error instanceof ServiceError ? error.code : 'internal',
    );
    const held = this.#held;
    this.#held = undefined;
    then(found);
    for (const again of held) again();
  }

  async #admit(find: () => Promise<Identity | undefined>): Promise<Identity | ErrorCode> {
    const identity = await find();
    if (identity === undefined) return 'unauthenticated';
    const { limits, connectionId } = this.#deps;
    const free = await limits.openConnection(identity.userId, connectionId);
    if (this.#isClosed) free();
    else this.#freePlace = free;
    return identity;
  }

  async find(token: string): Promise<Identity | undefined> {
    return stored(async () => this.#deps.authenticator.authenticate(token, this.#deps.address));
  }

  /** From now on this credential counts; `onEnd` when it ends. */
  accept(identity: Identity, onEnd: () => void): void {
    this.#endWatch?.();
    this.#endWatch = this.#deps.access.onLoginEnd(identity, onEnd);
  }

  close(): void {
    this.#isClosed = true;
    this.#endWatch?.();
    this.#endWatch = undefined;
    this.#freePlace?.();
    this.#freePlace = undefined;
  }
}
