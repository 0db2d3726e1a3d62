// The placement queue: a BullMQ job is a hint that some worker should claim a session. The claim is the truth.
import { setTimeout as pause } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { z } from 'zod';
import { SessionId } from '../protocol/ids.ts';
import type { Logger } from '../runtime/logger.ts';
import { BULLMQ_PREFIX } from './keys.ts';
import { bullOptions, type RedisAddress } from './redis.ts';

const QUEUE_NAME = 'placement';
/** `delayMs`: how long the worker that takes the hint waits before it acts on it. */
const PlacementJob = z.object({ sessionId: SessionId, delayMs: z.int().min(0).default(0) });

/**
 * A hint that a killed worker had in hand is given out again after two to three of these. Shorter: a busy worker's
 * hints run twice, which is harmless but costs Redis. Longer: a session that nobody owns waits for that long.
 */
const HELD_MS = 3_000;
/** A hint is harmless however often it was dropped by dying workers. */
const MAX_DROPS = 100;

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
        // Not a delay of BullMQ's: that is counted by the clocks of two hosts, which may differ.
        { sessionId, delayMs: options.delayMs ?? 0 },
        {
          deduplication: { id: sessionId, keepLastIfActive: true },
          removeOnComplete: true,
          removeOnFail: true,
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
  const work = async (job: { readonly data: unknown }): Promise<void> => {
    const { sessionId, delayMs } = PlacementJob.parse(job.data);
    if (delayMs > 0) await pause(delayMs);
    await place(sessionId);
  };
  const worker = new Worker(QUEUE_NAME, work, {
    connection: bullOptions(address),
    prefix: BULLMQ_PREFIX,
    concurrency,
    lockDuration: HELD_MS,
    stalledInterval: HELD_MS,
    maxStalledCount: MAX_DROPS,
  });
  worker.on('error', (error) => logger.warn({ err: error }, 'placement consumer error'));
  worker.on('failed', (_job, error) => logger.error({ err: error }, 'placement failed'));
  return { close: async () => worker.close() };
}
