// The stored data's shape: a version and the partition count. Another one refuses to start.
import type { Redis } from 'ioredis';
import { PARTITION_COUNT } from '../protocol/ids.ts';
import { CONFIG_KEY } from './keys.ts';
import { MIN_REDIS_MAJOR, readServerInfo } from './server-info.ts';

const SCHEMA_VERSION = '1';

/** Checks server version and stored schema; writes the schema on first use. Throws a sentence for the operator. */
export async function checkStore(redis: Redis): Promise<void> {
  const { version } = await readServerInfo(redis);
  if (Number.parseInt(version, 10) < MIN_REDIS_MAJOR) {
    throw new Error(
      `Redis ${version} is too old: Holdfast needs ${MIN_REDIS_MAJOR}.0 or newer. Point REDIS_URL at one.`,
    );
  }
  await redis.hsetnx(CONFIG_KEY, 'schema', SCHEMA_VERSION);
  await redis.hsetnx(CONFIG_KEY, 'partitions', String(PARTITION_COUNT));
  const [schema, partitions] = await redis.hmget(CONFIG_KEY, 'schema', 'partitions');
  if (schema !== SCHEMA_VERSION || partitions !== String(PARTITION_COUNT)) {
    throw new Error(
      `The data in Redis has schema ${schema} with ${partitions} partitions; this version needs schema ` +
        `${SCHEMA_VERSION} with ${PARTITION_COUNT}. Use the matching Holdfast version or another Redis.`,
    );
  }
}
