// The housekeeping queue: a BullMQ job scheduler makes one round at a time, whichever worker takes it. A round that was
// cut off by the death of its worker is taken by another one, so rounds must bear being repeated.
import { Queue, Worker } from 'bullmq';
import type { Logger } from '../runtime/logger.ts';
import { BULLMQ_PREFIX } from './keys.ts';
import { bullOptions, type RedisAddress } from './redis.ts';

const QUEUE_NAME = 'housekeeping';
/** One for all workers: the newest one's interval counts. */
const SCHEDULER = 'round';

export interface Housekeeping {
  /** Takes no further round; one in hand is told to end early and waited for. */
  close(): Promise<void>;
}

/** Takes its turn at the rounds, `everyMs` apart, the first one at once. A throw is logged; the next round comes anyway. */
export async function startHousekeeping(options: {
  readonly address: RedisAddress;
  readonly logger: Logger;
  readonly everyMs: number;
  readonly round: (signal: AbortSignal) => Promise<void>;
}): Promise<Housekeeping> {
  const { address, logger, everyMs, round } = options;
  const ended = new AbortController();
  const queue = new Queue(QUEUE_NAME, { connection: bullOptions(address), prefix: BULLMQ_PREFIX });
  queue.on('error', (error) => logger.warn({ err: error }, 'housekeeping queue error'));
  await queue.upsertJobScheduler(
    SCHEDULER,
    { every: everyMs },
    { name: 'round', opts: { removeOnComplete: true, removeOnFail: true } },
  );
  const worker = new Worker(QUEUE_NAME, async () => round(ended.signal), {
    connection: bullOptions(address),
    prefix: BULLMQ_PREFIX,
  });
  worker.on('error', (error) => logger.warn({ err: error }, 'housekeeping consumer error'));
  worker.on('failed', (_job, error) => logger.error({ err: error }, 'a housekeeping round failed'));
  return {
    close: async () => {
      ended.abort();
      await worker.close();
      await queue.close();
    },
  };
}
