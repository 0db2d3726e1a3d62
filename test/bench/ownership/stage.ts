// What the phases play on: a Redis as `npm run up` configures it, the demo model, a gateway and one attached client.
import {
  makeDataDir,
  startDemoModel,
  startGateway,
  startWorker,
  type Service,
} from '../../support/processes.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import type { Bench } from '../run-bench.ts';
import { Follower } from './follower.ts';
import type { Options } from './options.ts';

export interface Stage {
  readonly bench: Bench;
  readonly options: Options;
  readonly redis: TestRedis;
  readonly client: Follower;
  /** Starts a worker; `env` is added to its environment. */
  startWorker(env?: Readonly<Record<string, string>>): Promise<Service>;
}

/** Starts everything but the workers; `startWorker` uses the real CLI unless its `env` names another. */
export async function openStage(bench: Bench, options: Options): Promise<Stage> {
  const { path: dataDir } = await bench.own(makeDataDir());
  const redis = await bench.own(startRedis());
  const demoModel = await bench.own(startDemoModel());
  const gateway = await bench.own(startGateway({ redis, dataDir }));
  const client = await bench.own(Follower.connect(gateway));
  return {
    ...{ bench, options, redis, client },
    startWorker: async (env = {}) =>
      bench.own(startWorker({ redis, dataDir, demoModel, env: { HOLDFAST_MAX_CHILDREN: '64', ...env } })),
  };
}
