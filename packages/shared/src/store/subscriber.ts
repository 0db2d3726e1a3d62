// Sharded pub/sub on one connection: channels with handlers. After a reconnect it subscribes again, in batches,
// and then tells its user to audit: what was published in between is lost to pub/sub.
import type { Redis } from 'ioredis';
import type { Logger } from '../runtime/logger.ts';

const BATCH = 512;

/** Gets each message of a channel as bytes. Must not throw and must not keep the buffer (it pins the read chunk). */
export type MessageHandler = (body: Buffer) => void;

export interface Subscriber {
  /** Resolves when Redis has acknowledged: every message published after that arrives. One handler a channel. */
  subscribe(channel: string, handler: MessageHandler): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Called after every resubscription: messages may have been missed on all channels. */
  onGap(listener: () => void): void;
  close(): void;
}

export function createSubscriber(redis: Redis, logger: Logger): Subscriber {
  const handlers = new Map<string, MessageHandler>();
  const gapListeners: (() => void)[] = [];
  let ready = false;
  redis.on('smessageBuffer', (channel: Buffer, body: Buffer) => {
    handlers.get(channel.toString('latin1'))?.(body);
  });
  redis.on('close', () => {
    ready = false;
  });
  redis.on('ready', () => {
    ready = true;
    void resubscribe();
  });
  async function resubscribe(): Promise<void> {
    const channels = [...handlers.keys()];
    if (channels.length === 0) return;
    try {
      for (let start = 0; start < channels.length; start += BATCH) {
        await redis.ssubscribe(...channels.slice(start, start + BATCH));
      }
      logger.info({ channels: channels.length }, 'subscribed again');
      for (const listener of gapListeners) listener();
    } catch (error) {
      // The connection went away again: the next `ready` starts over.
      logger.warn({ err: error }, 'subscribing again failed');
      if (ready) redis.disconnect(true);
    }
  }
  return {
    subscribe: async (channel, handler) => {
      handlers.set(channel, handler);
      await redis.ssubscribe(channel);
    },
    unsubscribe: async (channel) => {
      handlers.delete(channel);
      await redis.sunsubscribe(channel);
    },
    onGap: (listener) => void gapListeners.push(listener),
    close: () => redis.disconnect(),
  };
}
