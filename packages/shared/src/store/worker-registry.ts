// Which workers are alive: a deadline each by Redis TIME, kept by heartbeats. Clocks of hosts play no part.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { SessionId, WorkerId } from '../protocol/ids.ts';
import {
  REAPER_KEY,
  WORKER_DEADLINES_KEY,
  WORKER_INFO_KEY,
  workerActiveKey,
  workerDoorbell,
} from './keys.ts';
import { loadScript, runScript } from './script-runner.ts';

const heartbeatScript = loadScript('heartbeat');
const retireScript = loadScript('retire_worker');
const noteActiveScript = loadScript('note_active');
const electScript = loadScript('elect_reaper');
const forgetScript = loadScript('forget_worker');
const ringScript = loadScript('ring_worker');

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

export type BeatResult =
  | {
      readonly status: 'alive';
      /** When the lease ends, ms of Redis TIME. */
      readonly untilMs: number;
      /** Whether it was held without a break until now. */
      readonly isContinued: boolean;
    }
  /** Another living process uses this worker's name. */
  | { readonly status: 'taken' };

export interface WorkerRegistry {
  /** Extends the lease by `leaseMs`. */
  beat(identity: WorkerIdentity, leaseMs: number, info: WorkerInfo): Promise<BeatResult>;
  /** As {@link beat}, for those who need to know no more than whether they live. */
  heartbeat(identity: WorkerIdentity, leaseMs: number, info: WorkerInfo): Promise<BeatResult['status']>;
  /** Ends the lease at once, so that others may take over without waiting for its deadline. */
  retire(identity: WorkerIdentity): Promise<void>;
  isAlive(identity: WorkerIdentity): Promise<boolean>;
  /** Notes that a session has something to do at a worker; false when that worker is dead (nothing is noted). */
  noteActive(identity: WorkerIdentity, sessionId: SessionId): Promise<boolean>;
  /**
   * Tells a worker that a session it had before has a command now; false when it is dead or does not listen. A worker
   * that is rung may still leave the session to others.
   */
  ring(workerId: WorkerId, sessionId: SessionId): Promise<boolean>;
  /** The session has nothing to do any more. */
  clearActive(workerId: WorkerId, sessionId: SessionId): Promise<void>;
  /**
   * Becomes or stays the reaper for `termMs` and gets the dead workers; null when another is. Leases that would last
   * longer than `longestMs` are cut to that: the clock of Redis was put back.
   */
  electReaper(identity: WorkerIdentity, termMs: number, longestMs?: number): Promise<WorkerId[] | null>;
  /** The clock of Redis, ms since 1970. */
  time(): Promise<number>;
  /** Sessions that had something to do at a worker. */
  activeSessions(workerId: WorkerId): Promise<SessionId[]>;
  /** Removes a dead worker, after its sessions were placed anew. */
  forget(workerId: WorkerId): Promise<'forgotten' | 'alive'>;
  /** Registered workers, living or not, with what they said last. */
  list(): Promise<(WorkerIdentity & { readonly info: WorkerInfo })[]>;
}

export function createWorkerRegistry(redis: Redis): WorkerRegistry {
  return {
    beat: async (...lease) => beat(redis, ...lease),
    heartbeat: async (...lease) => (await beat(redis, ...lease)).status,
    retire: async (identity) => {
      const args = [identity.workerId, identity.incarnation];
      await runScript(redis, retireScript, { keys: [...KEYS, REAPER_KEY], args });
    },
    isAlive: async (identity) => noteActive(redis, identity, ''),
    noteActive: async (identity, sessionId) => noteActive(redis, identity, sessionId),
    ring: async (workerId, sessionId) => {
      const keys = [WORKER_DEADLINES_KEY, workerDoorbell(workerId)];
      return (await runScript(redis, ringScript, { keys, args: [workerId, sessionId] })) === 1;
    },
    clearActive: async (workerId, sessionId) => {
      await redis.srem(workerActiveKey(workerId), sessionId);
    },
    electReaper: async (identity, termMs, longestMs = 0) => {
      const reply = await runScript(redis, electScript, {
        keys: [REAPER_KEY, WORKER_DEADLINES_KEY],
        args: [`${identity.workerId}/${identity.incarnation}`, termMs, longestMs],
      });
      const [status, ...dead] = z.array(z.string()).parse(reply);
      return status === 'elected' ? dead.map((workerId) => WorkerId.parse(workerId)) : null;
    },
    time: async () => {
      const [seconds = 0, microseconds = 0] = (await redis.time()).map(Number);
      return seconds * 1_000 + microseconds / 1_000;
    },
    activeSessions: async (workerId) =>
      (await redis.smembers(workerActiveKey(workerId))).map((sessionId) => SessionId.parse(sessionId)),
    forget: async (workerId) => {
      const keys = [...KEYS, workerActiveKey(workerId)];
      const reply = await runScript(redis, forgetScript, { keys, args: [workerId] });
      return z.tuple([z.enum(['forgotten', 'alive'])]).parse(reply)[0];
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

const BeatReply = z.union([
  z.tuple([z.literal('alive'), z.coerce.number(), z.enum(['0', '1'])]),
  z.tuple([z.literal('taken'), z.string()]),
]);

async function beat(redis: Redis, ...lease: Parameters<WorkerRegistry['beat']>): Promise<BeatResult> {
  const [identity, leaseMs, info] = lease;
  const reply = await runScript(redis, heartbeatScript, {
    keys: KEYS,
    args: [identity.workerId, identity.incarnation, leaseMs, JSON.stringify(info)],
  });
  const [status, untilMs, isContinued] = BeatReply.parse(reply);
  return status === 'taken' ? { status } : { status, untilMs, isContinued: isContinued === '1' };
}

async function noteActive(redis: Redis, identity: WorkerIdentity, sessionId: string): Promise<boolean> {
  const reply = await runScript(redis, noteActiveScript, {
    keys: [...KEYS, workerActiveKey(identity.workerId)],
    args: [identity.workerId, identity.incarnation, sessionId],
  });
  return reply === 1;
}
