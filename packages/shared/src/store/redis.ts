// Connections. Three roles with different rules: commands, subscriber, and BullMQ's own.
import { Redis } from 'ioredis';
import type { Logger } from '../runtime/logger.ts';

export type { Redis };

/** Where Redis is. `url` is `redis://…`, `rediss://…`, or the absolute path of a Unix socket. */
export interface RedisAddress {
  readonly url: string;
  readonly password?: string | undefined;
}

/** How to reach the server, in the form both ioredis and BullMQ take. */
export type RedisTarget = (
  | { readonly path: string }
  | { readonly host: string; readonly port: number; readonly db: number; readonly tls?: object }
) & { readonly username?: string; readonly password?: string };

/** What differs between the roles of our connections. */
interface RoleOptions {
  readonly connectionName: string;
  readonly maxRetriesPerRequest: number;
  readonly autoResubscribe?: false;
  readonly enableAutoPipelining?: false;
  readonly autoResendUnfulfilledCommands: false;
  readonly commandTimeout?: number;
}

/** A command that got no answer for this long is failed; the append path then finds out by its own retry. */
const COMMAND_TIMEOUT_MS = 5_000;

/**
 * Commands without an answer are failed when their connection ends. With 1 or more, and without the library's
 * re-sending, ioredis forgets them if the first reconnect succeeds: their promises never settle.
 */
const FAIL_WITH_THE_CONNECTION = 0;

/**
 * Opens a connection for commands. Auto-pipelining is off: it costs latency and CPU on the append path.
 * Unanswered commands are not re-sent by the library; the scripts make our own retries safe.
 */
export function createCommandRedis(address: RedisAddress, logger: Logger, name: string): Redis {
  return open(Redis, { address, logger, options: commandOptions(name) });
}

/**
 * As {@link createCommandRedis}, for the commands of many clients or sessions: what is sent in one turn of the event
 * loop goes out in one write. In a reconnect storm that is most of what Redis costs a gateway, and appends of several
 * sessions in one turn wake Redis, and the gateways behind it, once. A lone command is not delayed. Unlike with
 * auto-pipelining, no command waits for another one's answer, and each fails for itself.
 */
export function createGatheringRedis(address: RedisAddress, logger: Logger, name: string): Redis {
  return open(GatheringRedis, { address, logger, options: commandOptions(name) });
}

function commandOptions(connectionName: string): RoleOptions {
  return {
    connectionName,
    enableAutoPipelining: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: FAIL_WITH_THE_CONNECTION,
    commandTimeout: COMMAND_TIMEOUT_MS,
  };
}

class GatheringRedis extends Redis {
  #corked: Redis['stream'] | undefined;

  override sendCommand(...call: Parameters<Redis['sendCommand']>): unknown {
    const { stream } = this;
    // Without a connection there is no stream yet: the library keeps the command until there is one.
    if (stream !== undefined && stream !== this.#corked) this.#gatherOn(stream);
    return super.sendCommand(...call);
  }

  #gatherOn(stream: Redis['stream']): void {
    this.#corked = stream;
    stream.cork();
    setImmediate(() => {
      if (this.#corked === stream) this.#corked = undefined;
      stream.uncork();
    });
  }
}

/** Opens a connection for sharded pub/sub. It never resubscribes by itself: its user does, then audits. */
export function createSubscriberRedis(address: RedisAddress, logger: Logger, name: string): Redis {
  const options = {
    connectionName: name,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: FAIL_WITH_THE_CONNECTION,
  } as const;
  return open(Redis, { address, logger, options });
}

/** Connection options for BullMQ, which opens and closes its own connections. */
export function bullOptions(address: RedisAddress): RedisTarget & { readonly maxRetriesPerRequest: null } {
  return { ...parseAddress(address), maxRetriesPerRequest: null };
}

function open(
  Connection: typeof Redis,
  input: { readonly address: RedisAddress; readonly logger: Logger; readonly options: RoleOptions },
): Redis {
  const { address, logger, options } = input;
  const redis = new Connection({
    ...parseAddress(address),
    connectTimeout: 5_000,
    keepAlive: 10_000,
    retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt - 1, 5), 1_000),
    ...options,
  });
  // An `error` without a listener would end the process; reconnecting is the library's work.
  redis.on('error', (error: Error) => {
    logger.warn({ err: error, connection: options.connectionName }, 'redis connection error');
  });
  return redis;
}

function parseAddress(address: RedisAddress): RedisTarget {
  const { url, password } = address;
  const given = password === undefined ? {} : { password };
  if (url.startsWith('/')) return { path: url, ...given };
  const parsed = new URL(url);
  const auth = parsed.password === '' ? given : { password: decodeURIComponent(parsed.password) };
  const username = parsed.username === '' ? {} : { username: decodeURIComponent(parsed.username) };
  if (parsed.protocol === 'unix:') return { path: decodeURIComponent(parsed.pathname), ...username, ...auth };
  return {
    host: parsed.hostname.replaceAll(/[[\]]/g, ''),
    port: parsed.port === '' ? 6379 : Number(parsed.port),
    db: parsed.pathname.length > 1 ? Number(parsed.pathname.slice(1)) : 0,
    ...(parsed.protocol === 'rediss:' ? { tls: {} } : {}),
    ...username,
    ...auth,
  };
}

/** The code word of an error that Redis answered (`OOM`, `NOSCRIPT`, `READONLY`, …), else undefined. */
export function replyErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  return /^[A-Z]+/.exec(error.message)?.[0]; // Redis' protocol: the first word of an error is its code
}
