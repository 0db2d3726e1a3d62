// A process that writes sessions' logs as a worker does, and notes on disk what it tried and what was acknowledged:
// notes that survive its SIGKILL.
import { randomUUID } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { SessionId, WorkerId } from '@holdfast/shared/protocol';
import { runMain } from '@holdfast/shared/runtime';
import {
  checkStore,
  createCommandInbox,
  createCommandRedis,
  createEventLog,
  createSessionStore,
  createWorkerRegistry,
  readServerInfo,
} from '@holdfast/shared/store';
import { z } from 'zod';
import { recordAppends } from '../checker/recorders.ts';
import { seededRandom } from './random.ts';
import { WriterCrew } from './writer-crew.ts';

const Options = z.object({
  historyFile: z.string(),
  seed: z.int(),
  eventsPerSecond: z.number(),
  wanted: z.array(z.object({ sessionId: SessionId, isOwn: z.boolean() })),
});
export type WriterOptions = z.input<typeof Options>;

await runMain(
  { part: 'chaos-writer', variables: ['REDIS_URL', 'HOLDFAST_REDIS_PASSWORD', 'HOLDFAST_WORKER_ID'] },
  async ({ config, logger, shutdown }) => {
    const options = Options.parse(JSON.parse(process.env['CHAOS_WRITER'] ?? ''));
    const workerId = WorkerId.parse(config.HOLDFAST_WORKER_ID);
    const address = { url: config.REDIS_URL, password: config.HOLDFAST_REDIS_PASSWORD };
    const redis = createCommandRedis(address, logger, `writer:${workerId}`);
    shutdown.add({ name: 'redis', limitMs: 1_000, stop: () => redis.disconnect() });
    await checkStore(redis);
    let { runId } = await readServerInfo(redis);
    redis.on('ready', () => {
      void readServerInfo(redis).then(
        (info) => (runId = info.runId),
        () => undefined,
      );
    });
    const file = openSync(options.historyFile, 'a');
    const crew = new WriterCrew({
      log: recordAppends(createEventLog(redis), (record) => writeSync(file, `${JSON.stringify(record)}\n`)),
      sessions: createSessionStore(redis),
      registry: createWorkerRegistry(redis),
      inbox: createCommandInbox(redis),
      redisRunId: () => runId,
      identity: { workerId, incarnation: randomUUID() },
      random: seededRandom(options.seed),
      wanted: options.wanted,
      eventsPerSecond: options.eventsPerSecond,
      logger,
    });
    shutdown.add({ name: 'crew', limitMs: 5_000, stop: async () => crew.stop() });
    process.on('message', () => {
      void crew.finish().then((isComplete) => process.send?.({ type: 'finished', isComplete }));
    });
    await crew.start();
    return { workerId };
  },
);
