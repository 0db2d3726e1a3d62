// The worker's health check for containers, a program of its own: exits 0 while a worker of this host holds its lease.
import { hostname } from 'node:os';
import { createLogger, loadConfig } from '@holdfast/shared/runtime';
import { createCommandRedis, createWorkerRegistry } from '@holdfast/shared/store';

const config = loadConfig(process.env, ['REDIS_URL', 'HOLDFAST_REDIS_PASSWORD']);
const redis = createCommandRedis(
  { url: config.REDIS_URL, password: config.HOLDFAST_REDIS_PASSWORD },
  createLogger({ part: 'worker-health', level: 'warn' }),
  'worker-health',
);
try {
  const registry = createWorkerRegistry(redis);
  const own = (await registry.list()).filter(({ info }) => info.hostname === hostname());
  const alive = await Promise.all(own.map(async (worker) => registry.isAlive(worker)));
  process.exitCode = alive.includes(true) ? 0 : 1;
} finally {
  redis.disconnect();
}
