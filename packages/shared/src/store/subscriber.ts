// Sharded pub/sub on one connection: channels with handlers. Subscriptions of one tick go out as one command.
// After a reconnect it subscribes again, in batches, and then tells its user to audit: what was published in
// between is lost to pub/sub. A probe notices a connection that is open but hears nothing any more.
import type { Redis } from 'ioredis';
import type { Logger } from '../runtime/logger.ts';
import { createDeferred, type Deferred } from '../util/deferred.ts';

const BATCH = 512;
const PROBE_TICK_MS = 1_000;
/** Shorter costs more probes on a quiet gateway; longer lets a deaf connection delay events for longer. */
const PROBE_AFTER_TICKS = 5;
/** With the tick under way: at most 10 s after the last sound. */
const DEAF_AFTER_TICKS = 9;

/** Gets each message of a channel as bytes. Must not throw and must not keep the buffer (it pins the read chunk). */
export type MessageHandler = (body: Buffer) => void;

export interface Subscriber {
  /**
   * Resolves when Redis has acknowledged: every message published after that arrives. One handler a channel.
   * While there is no connection it waits for the next one; rejects when it is closed or unsubscribed first.
   */
  subscribe(channel: string, handler: MessageHandler): Promise<void>;
  /** Ends the subscription: the handler is not called any more from now on. Redis is told a little later. */
  unsubscribe(channel: string): Promise<void>;
  /** Called after every resubscription: messages may have been missed on all channels. */
  onGap(listener: () => void): void;
  /** Whether the connection is up and all channels are subscribed. */
  isHealthy(): boolean;
  close(): void;
}

/** How to tell a quiet connection from a deaf one: a message to ourselves, sent over another connection. */
export interface SubscriberProbe {
  /** A channel of this subscriber's own. */
  readonly channel: string;
  readonly commands: Redis;
}

/** With a `probe`, a connection silent for 5 s is tested, and destroyed 4 s later if there was still no sound. */
export function createSubscriber(redis: Redis, logger: Logger, probe?: SubscriberProbe): Subscriber {
  return new ShardedSubscriber(redis, logger, probe);
}

class ShardedSubscriber implements Subscriber {
  readonly #redis: Redis;
  readonly #logger: Logger;
  readonly #handlers = new Map<string, MessageHandler>();
  /** Channels that Redis has acknowledged on the present connection, or was asked for and will. */
  readonly #active = new Set<string>();
  /** Channels whose wish and state may differ. */
  #dirty = new Set<string>();
  readonly #waiting = new Map<string, Deferred<void>>();
  readonly #gapListeners: (() => void)[] = [];
  #state: 'connecting' | 'resubscribing' | 'ready' | 'closed' = 'connecting';
  #hadConnection = false;
  #flushScheduled = false;
  #heard = false;
  readonly #stopProbe: () => void;

  constructor(redis: Redis, logger: Logger, probe: SubscriberProbe | undefined) {
    this.#redis = redis;
    this.#logger = logger;
    this.#redis.on('smessageBuffer', (channel: Buffer, body: Buffer) => {
      this.#heard = true;
      this.#handlers.get(channel.toString('latin1'))?.(body);
    });
    this.#redis.on('close', () => {
      if (this.#state !== 'closed') this.#state = 'connecting';
      this.#active.clear();
    });
    this.#redis.on('ready', () => void this.#resubscribe());
    if (this.#redis.status === 'ready') void this.#resubscribe();
    this.#stopProbe = probe === undefined ? () => undefined : this.#startProbe(probe);
  }

  async subscribe(channel: string, handler: MessageHandler): Promise<void> {
    if (this.#state === 'closed') throw new Error('the subscriber is closed');
    this.#handlers.set(channel, handler);
    const waiting = this.#waiting.get(channel) ?? createDeferred<void>();
    this.#waiting.set(channel, waiting);
    this.#touch(channel);
    await waiting.promise;
  }

  async unsubscribe(channel: string): Promise<void> {
    if (!this.#handlers.delete(channel)) return;
    this.#waiting.get(channel)?.reject(new Error('unsubscribed before Redis acknowledged'));
    this.#waiting.delete(channel);
    this.#touch(channel);
  }

  onGap(listener: () => void): void {
    this.#gapListeners.push(listener);
  }

  isHealthy(): boolean {
    return this.#state === 'ready';
  }

  close(): void {
    this.#state = 'closed';
    this.#stopProbe();
    for (const waiting of this.#waiting.values()) waiting.reject(new Error('the subscriber is closed'));
    this.#waiting.clear();
    this.#redis.disconnect();
  }

  /** Notes that a channel's wish changed; what changed in one tick goes out together. */
  #touch(channel: string): void {
    this.#dirty.add(channel);
    if (this.#flushScheduled || this.#state !== 'ready') return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      if (this.#state !== 'ready') return;
      this.#flush().catch((error: unknown) => this.#startOver(error));
    });
  }

  async #flush(): Promise<void> {
    const dirty = [...this.#dirty];
    this.#dirty = new Set();
    const added = dirty.filter((channel) => this.#handlers.has(channel) && !this.#active.has(channel));
    const removed = dirty.filter((channel) => !this.#handlers.has(channel) && this.#active.delete(channel));
    for (const channel of dirty) if (this.#active.has(channel)) this.#settle(channel);
    const calls: Promise<void>[] = [];
    for (const channels of batches(removed))
      calls.push(this.#redis.sunsubscribe(...channels).then(() => undefined));
    for (const channels of batches(added)) calls.push(this.#add(channels));
    await Promise.all(calls);
  }

  async #add(channels: readonly string[]): Promise<void> {
    await this.#redis.ssubscribe(...channels);
    for (const channel of channels) {
      this.#active.add(channel);
      if (this.#handlers.has(channel)) this.#settle(channel);
      else this.#touch(channel);
    }
  }

  #settle(channel: string): void {
    this.#waiting.get(channel)?.resolve();
    this.#waiting.delete(channel);
  }

  async #resubscribe(): Promise<void> {
    this.#state = 'resubscribing';
    this.#dirty = new Set();
    const hadConnection = this.#hadConnection;
    this.#hadConnection = true;
    const channels = [...this.#handlers.keys()];
    try {
      for (const batch of batches(channels)) await this.#add(batch);
    } catch (error) {
      this.#startOver(error);
      return;
    }
    if (this.#isClosedOrLost()) return;
    this.#state = 'ready';
    for (const channel of [...this.#handlers.keys(), ...this.#active, ...this.#dirty]) {
      if (this.#handlers.has(channel) !== this.#active.has(channel)) this.#touch(channel);
    }
    if (!hadConnection) return;
    this.#logger.info({ channels: channels.length }, 'subscribed again');
    for (const listener of this.#gapListeners) listener();
  }

  #isClosedOrLost(): boolean {
    return this.#state !== 'resubscribing';
  }

  /** A failed subscription leaves the channel's state unknown: a new connection makes it known. */
  #startOver(error: unknown): void {
    if (this.#state === 'closed') return;
    this.#logger.warn({ err: error }, 'subscribing failed');
    if (this.#redis.status === 'ready') this.#redis.disconnect(true);
  }

  #startProbe(probe: SubscriberProbe): () => void {
    this.#handlers.set(probe.channel, () => undefined);
    let silentTicks = 0;
    const timer = setInterval(() => {
      const quiet = !this.#heard && (this.#state === 'ready' || this.#state === 'resubscribing');
      this.#heard = false;
      silentTicks = quiet ? silentTicks + 1 : 0;
      if (silentTicks === PROBE_AFTER_TICKS) {
        // A probe that can't be sent proves nothing about this connection: the count starts over.
        probe.commands.spublish(probe.channel, '').catch(() => (silentTicks = 0));
      }
      if (silentTicks < DEAF_AFTER_TICKS) return;
      silentTicks = 0;
      this.#logger.warn({}, 'the subscriber connection is deaf');
      this.#redis.stream.destroy();
    }, PROBE_TICK_MS);
    timer.unref();
    return () => clearInterval(timer);
  }
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += BATCH) yield items.slice(start, start + BATCH);
}
