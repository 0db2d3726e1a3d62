// This worker's share of the housekeeping: takes rounds as they come, as configured.
import type { Config, Logger } from '@holdfast/shared/runtime';
import {
  createHousekeepingStore,
  createWorkerRegistry,
  startHousekeeping,
  type Housekeeping,
  type PlacementQueue,
  type Redis,
  type RedisAddress,
} from '@holdfast/shared/store';
import { keepHouse } from './housekeeper.ts';

const DAY_MS = 24 * 3600 * 1000;

export async function startHousekeeper(options: {
  readonly address: RedisAddress;
  readonly redis: Redis;
  readonly placement: PlacementQueue;
  readonly logger: Logger;
  readonly config: Config<'HOLDFAST_DATA_DIR' | 'HOLDFAST_RETENTION_DAYS' | 'HOLDFAST_HOUSEKEEPING_MINUTES'>;
}): Promise<Housekeeping> {
  const { address, redis, placement, logger, config } = options;
  const house = {
    ...{ placement, logger, dataDir: config.HOLDFAST_DATA_DIR, now: Date.now },
    store: createHousekeepingStore(redis),
    registry: createWorkerRegistry(redis),
    retentionMs: config.HOLDFAST_RETENTION_DAYS * DAY_MS,
  };
  return startHousekeeping({
    ...{ address, logger, everyMs: Math.round(config.HOLDFAST_HOUSEKEEPING_MINUTES * 60_000) },
    round: async (signal) => void (await keepHouse(house, signal)),
  });
}
