// Which workers are alive: a deadline each by Redis TIME, kept by heartbeats. Clocks of hosts play no part.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { WorkerId } from '../protocol/ids.ts';
import { WORKER_DEADLINES_KEY, WORKER_INFO_KEY } from './keys.ts';
import { loadScript, runScript } from './script-runner.ts';

const heartbeatScript = loadScript('heartbeat');
const retireScript = loadScript('retire_worker');
const aliveScript = loadScript('worker_alive');

const KEYS = [WORKER_DEADLINES_KEY, WORKER_INFO_KEY];

/** What a worker says of itself. */
export const WorkerInfo = z.object({
  version: z.string(),
  hostname: z.string(),
  pid: z.int(),
  children: z.int().min(0),
  capacity: z.int().min(0),
  draining: z.boolean(),
});
export type WorkerInfo = z.infer<typeof WorkerInfo>;

export interface WorkerIdentity {
  readonly workerId: WorkerId;
  /** Random for each process start. */
  readonly incarnation: string;
}

export interface WorkerRegistry {
  /** Extends the lease by `leaseMs`. `taken`: another living process uses this worker's name. */
  heartbeat(identity: WorkerIdentity, leaseMs: number, info: WorkerInfo): Promise<'alive' | 'taken'>;
  /** Ends the lease at once, so that others may take over without waiting for its deadline. */
  retire(identity: WorkerIdentity): Promise<void>;
  isAlive(identity: WorkerIdentity): Promise<boolean>;
  /** Registered workers, living or not, with what they said last. */
  list(): Promise<(WorkerIdentity & { readonly info: WorkerInfo })[]>;
}

export function createWorkerRegistry(redis: Redis): WorkerRegistry {
  return {
    heartbeat: async (identity, leaseMs, info) => {
      const reply = await runScript(redis, heartbeatScript, {
        keys: KEYS,
        args: [identity.workerId, identity.incarnation, leaseMs, JSON.stringify(info)],
      });
      return z.tuple([z.enum(['alive', 'taken']), z.string()]).parse(reply)[0];
    },
    retire: async (identity) => {
      await runScript(redis, retireScript, { keys: KEYS, args: [identity.workerId, identity.incarnation] });
    },
    isAlive: async (identity) => {
      const args = [identity.workerId, identity.incarnation];
      return (await runScript(redis, aliveScript, { keys: KEYS, args })) === 1;
    },
    list: async () => {
      const stored = await redis.hgetall(WORKER_INFO_KEY);
      return Object.entries(stored).map(([workerId, text]) => {
        const newline = text.indexOf('\n');
        return {
          workerId: WorkerId.parse(workerId),
          incarnation: text.slice(0, newline),
          info: WorkerInfo.parse(JSON.parse(text.slice(newline + 1))),
        };
      });
    },
  };
}
