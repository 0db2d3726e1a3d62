// What a session costs Redis that had one short turn and is idle now: all of its keys, with the server's own
// overhead.
import { z } from 'zod';
import { createLogger } from '@holdfast/shared/runtime';
import { createCommandRedis, type Redis } from '@holdfast/shared/store';
import { startRemote } from '../../rpc.ts';
import type { IdleProducerApi } from '../idle-producer.ts';
import { startBenchRedis, type Stage } from '../stage.ts';

export async function runIdle(stage: Stage): Promise<void> {
  const { bench, options } = stage;
  bench.report.round(`${options.idleSessions} idle sessions`);
  const { place } = await startBenchRedis(bench, options.aof);
  const redis = createCommandRedis(place, createLogger({ part: 'bench', level: 'warn' }), 'bench:memory');
  const producer = await bench.own(startRemote<IdleProducerApi>('test/bench/stream/idle-producer.ts'));
  // The first few make what all share.
  await producer.call('run', { redis: place, sessions: 10 });
  const before = await usedMemory(redis);
  const { events, sample } = await producer.call('run', { redis: place, sessions: options.idleSessions });
  const bytes = ((await usedMemory(redis)) - before) / options.idleSessions;
  const rows = await Promise.all(
    sample.map(async (key) => [key.replace(/^.*:/, ''), await redis.memory('USAGE', key, 'SAMPLES', 0)]),
  );
  bench.report.line(
    `an idle session after one turn, ${events} events in all: ${bytes.toFixed(0)} bytes of Redis`,
  );
  bench.report.table(
    ['key of one of them', 'bytes'],
    rows.map(([name, size]) => [String(name), Number(size ?? 0)]),
  );
  bench.report.metric('session_idle_redis_bytes', bytes);
  redis.disconnect();
  await bench.release(producer);
}

async function usedMemory(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  return z.coerce.number().parse(/^used_memory:(\d+)/m.exec(info)?.[1]);
}
