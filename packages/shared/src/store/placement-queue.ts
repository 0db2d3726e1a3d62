// The placement queue: a BullMQ job is a hint that some worker should claim a session. The claim is the truth.
import { Queue, Worker } from 'bullmq';
import { z } from 'zod';
import { SessionId } from '../protocol/ids.ts';
import type { Logger } from '../runtime/logger.ts';
import { BULLMQ_PREFIX } from './keys.ts';
import { bullOptions, type RedisAddress } from './redis.ts';

const QUEUE_NAME = 'placement';
const PlacementJob = z.object({ sessionId: SessionId });

/** The sending side. */
export interface PlacementQueue {
  /** Asks for an owner. Hints for one session are merged, and one that comes while a job runs is kept. */
  request(sessionId: SessionId, options?: { readonly delayMs?: number }): Promise<void>;
  close(): Promise<void>;
}

export function createPlacementQueue(address: RedisAddress, logger: Logger): PlacementQueue {
  const queue = new Queue(QUEUE_NAME, { connection: bullOptions(address), prefix: BULLMQ_PREFIX });
  queue.on('error', (error) => logger.warn({ err: error }, 'placement queue error'));
  return {
    request: async (sessionId, options = {}) => {
      await queue.add(
        'place',
        { sessionId },
        {
          deduplication: { id: sessionId, keepLastIfActive: true },
          removeOnComplete: true,
          removeOnFail: true,
          delay: options.delayMs ?? 0,
        },
      );
    },
    close: async () => queue.close(),
  };
}

/** The receiving side: calls `place` for each hint until closed. A throw is logged; the hint is then dropped. */
export interface PlacementConsumer {
  /** Takes no new hints; waits for those in hand. */
  close(): Promise<void>;
}

export function createPlacementConsumer(options: {
  readonly address: RedisAddress;
  readonly logger: Logger;
  readonly concurrency: number;
  readonly place: (sessionId: SessionId) => Promise<void>;
}): PlacementConsumer {
  const { address, logger, concurrency, place } = options;
  const worker = new Worker(QUEUE_NAME, async (job) => place(PlacementJob.parse(job.data).sessionId), {
    connection: bullOptions(address),
    prefix: BULLMQ_PREFIX,
    concurrency,
  });
  worker.on('error', (error) => logger.warn({ err: error }, 'placement consumer error'));
  worker.on('failed', (_job, error) => logger.error({ err: error }, 'placement failed'));
  return { close: async () => worker.close() };
}
