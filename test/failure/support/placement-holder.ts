// A process that takes a placement hint and holds it until it is killed. Says when it listens, and when it has one.
import { createPlacementConsumer, type RedisAddress } from '@holdfast/shared/store';
import { silentLogger } from '../../support/redis.ts';

createPlacementConsumer({
  address: JSON.parse(process.argv[2] ?? '') as RedisAddress, // its parent made it
  logger: silentLogger,
  concurrency: 1,
  place: async () => {
    process.send?.('held');
    await new Promise(() => {});
  },
});
process.send?.('listening');
