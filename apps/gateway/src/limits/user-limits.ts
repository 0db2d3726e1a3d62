// What one user may take of the service, and how often a stranger may guess: counted in Redis, over all gateways.
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { ServiceError, type ConnectionId, type SessionId, type UserId } from '@holdfast/shared/protocol';
import type { Redis, SessionStore, UserPlaces } from '@holdfast/shared/store';
import { stored } from '../sessions/storage.ts';

/** null: no limit. */
export interface LimitSettings {
  readonly connections: number | null;
  readonly sessions: number | null;
  /** Sessions with a turn that runs, waits for a person, or waits to run. */
  readonly busySessions: number | null;
  readonly commandsPerMinute: number | null;
}

/** Failed logins of one address, before it has to wait. */
const LOGIN_FAILURES = 100;
const LOGIN_WINDOW_S = 60;
const RENEW_MS = 20_000;

export interface UserLimits {
  /** Every command of a user counts; throws `rate_limited` with `details.retryAfterMs`. */
  countCommand(userId: UserId): Promise<void>;
  /** Throws `limit_reached`. */
  checkNewSession(userId: UserId): Promise<void>;
  checkPrompt(userId: UserId, sessionId: SessionId): Promise<void>;
  /** Throws `too_many_connections`; what it returns frees the place again. */
  openConnection(userId: UserId, connectionId: ConnectionId): Promise<() => void>;
  /** Throws `rate_limited` for an address that guessed too often, as far as this gateway knows: asks nobody. */
  checkLogin(address: string): void;
  countFailedLogin(address: string): Promise<void>;
  close(): void;
}

export interface UserLimitsDeps {
  readonly redis: Redis;
  readonly store: Pick<SessionStore, 'list'>;
  readonly places: UserPlaces;
  readonly settings: LimitSettings;
}

export function createUserLimits(deps: UserLimitsDeps): UserLimits {
  const { settings, places } = deps;
  const storeClient = deps.redis;
  const perMinute = settings.commandsPerMinute;
  const commands =
    perMinute === null
      ? undefined
      : new RateLimiterRedis({
          storeClient,
          keyPrefix: 'hf:limit:commands',
          points: perMinute,
          duration: 60,
        });
  const logins = new RateLimiterRedis({
    ...{ storeClient, keyPrefix: 'hf:limit:logins' },
    ...{ points: LOGIN_FAILURES, duration: LOGIN_WINDOW_S },
  });
  const guesses = new BlockedAddresses();
  const held = new Map<ConnectionId, UserId>();
  const most = settings.connections;
  const timer = setInterval(() => {
    // A place that could not be renewed is taken back at the next round, or was free for a moment.
    for (const [id, user] of held) places.hold(user, id, Number.MAX_SAFE_INTEGER).catch(() => undefined);
  }, RENEW_MS);
  timer.unref();
  return {
    countCommand: async (userId) => {
      if (commands !== undefined) await spend(async () => commands.consume(userId));
    },
    checkNewSession: async (userId) => checkNewSession(deps, userId),
    checkPrompt: async (userId, sessionId) => checkPrompt(deps, userId, sessionId),
    openConnection: async (userId, connectionId) => {
      if (most === null) return () => undefined;
      const outcome = await stored(async () => places.hold(userId, connectionId, most));
      if (outcome === 'full') throw new ServiceError('too_many_connections', { details: { most } });
      held.set(connectionId, userId);
      return () => {
        held.delete(connectionId);
        places.free(userId, connectionId).catch(() => undefined); // it is free by itself in a minute
      };
    },
    checkLogin: (address) => guesses.check(address),
    countFailedLogin: async (address) => {
      const spent = await stored(async () => logins.penalty(address));
      if (spent.consumedPoints >= LOGIN_FAILURES) guesses.block(address, spent.msBeforeNext);
    },
    close: () => clearInterval(timer),
  };
}

async function checkNewSession({ store, settings }: UserLimitsDeps, userId: UserId): Promise<void> {
  const { sessions } = settings;
  if (sessions === null) return;
  const all = await stored(async () => Promise.all([store.list(userId, false), store.list(userId, true)]));
  const own = all.flat().filter(({ ownerId }) => ownerId === userId);
  if (own.length >= sessions) throw reached('sessions', sessions);
}

async function checkPrompt(
  { store, settings }: UserLimitsDeps,
  userId: UserId,
  sessionId: SessionId,
): Promise<void> {
  const { busySessions } = settings;
  if (busySessions === null) return;
  const busy = (await stored(async () => store.list(userId, false))).filter(
    (session) =>
      session.ownerId === userId &&
      session.sessionId !== sessionId &&
      ['running', 'awaiting_approval', 'queued'].includes(session.status),
  );
  if (busy.length >= busySessions) throw reached('busySessions', busySessions);
}

function reached(limit: keyof LimitSettings, most: number): ServiceError {
  return new ServiceError('limit_reached', { details: { limit, most } });
}

async function spend(consume: () => Promise<unknown>): Promise<void> {
  try {
    await consume();
  } catch (error) {
    if (error instanceof RateLimiterRes) throw tooMany(error);
    // Counting must not stop what Redis' other users can still do; they say themselves when it is away.
  }
}

function tooMany({ msBeforeNext }: RateLimiterRes): ServiceError {
  return new ServiceError('rate_limited', { details: { retryAfterMs: Math.max(0, msBeforeNext) } });
}

/** What the operator set; 0 is none. Without a word of theirs: limits for a team, none for the one local user. */
export function limitSettings(
  given: {
    readonly HOLDFAST_MAX_CONNECTIONS: number | undefined;
    readonly HOLDFAST_MAX_SESSIONS: number | undefined;
    readonly HOLDFAST_MAX_BUSY_SESSIONS: number | undefined;
    readonly HOLDFAST_MAX_COMMANDS: number | undefined;
  },
  { isTeam }: { readonly isTeam: boolean },
): LimitSettings {
  const limit = (value: number | undefined, ofTeam: number): number | null => {
    const chosen = value ?? (isTeam ? ofTeam : 0);
    return chosen === 0 ? null : chosen;
  };
  return {
    connections: limit(given.HOLDFAST_MAX_CONNECTIONS, 50),
    sessions: limit(given.HOLDFAST_MAX_SESSIONS, 500),
    busySessions: limit(given.HOLDFAST_MAX_BUSY_SESSIONS, 20),
    commandsPerMinute: limit(given.HOLDFAST_MAX_COMMANDS, 600),
  };
}

/** More addresses than this at once are an attack of another kind; the first ones are let in again then. */
const MAX_BLOCKED = 10_000;

/** Addresses that have to wait, kept here so that a right token costs no look into Redis. */
class BlockedAddresses {
  /** address -> until when, in ms of the process's clock. */
  readonly #until = new Map<string, number>();

  block(address: string, forMs: number): void {
    this.#until.delete(address);
    this.#until.set(address, performance.now() + forMs);
    const [first] = this.#until.keys();
    if (this.#until.size > MAX_BLOCKED && first !== undefined) this.#until.delete(first);
  }

  check(address: string): void {
    const until = this.#until.get(address);
    if (until === undefined) return;
    const retryAfterMs = Math.ceil(until - performance.now());
    if (retryAfterMs > 0) throw new ServiceError('rate_limited', { details: { retryAfterMs } });
    this.#until.delete(address);
  }
}
