// Keeps this worker's lease: a heartbeat every 2 s against a deadline of 10 s by Redis TIME. One for the whole
// worker: an idle session costs nothing.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@holdfast/shared/runtime';
import type { WorkerIdentity, WorkerInfo, WorkerRegistry } from '@holdfast/shared/store';

/** Twice as often costs Redis; half as often leaves one lost beat between us and a takeover. */
const BEAT_MS = 2_000;
/** Shorter: a busy machine loses sessions. Longer: a lost host is noticed late. */
export const LEASE_MS = 10_000;

export interface LeaseKeeper {
  /** Takes the lease; throws when another living process uses this worker's name. */
  start(): Promise<void>;
  /** Stops beating and ends the lease at once. */
  stop(): Promise<void>;
}

export function createLeaseKeeper(options: {
  readonly registry: WorkerRegistry;
  readonly identity: WorkerIdentity;
  readonly info: () => WorkerInfo;
  readonly logger: Logger;
}): LeaseKeeper {
  const { registry, identity, info, logger } = options;
  const ended = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  async function beat(): Promise<void> {
    while (!ended.signal.aborted) {
      await pause(BEAT_MS, undefined, { signal: ended.signal, ref: true }).catch(() => {});
      if (ended.signal.aborted) return;
      try {
        const outcome = await registry.heartbeat(identity, LEASE_MS, info());
        if (outcome === 'taken')
          logger.error({ workerId: identity.workerId }, 'another process uses this worker name');
      } catch (error) {
        logger.warn({ err: error }, 'a heartbeat failed');
      }
    }
  }
  return {
    start: async () => {
      if ((await registry.heartbeat(identity, LEASE_MS, info())) === 'taken') {
        throw new Error(
          `Another living worker is called ${identity.workerId}. Give this one another HOLDFAST_WORKER_ID, or none.`,
        );
      }
      loop = beat();
    },
    stop: async () => {
      ended.abort();
      await loop;
      await registry.retire(identity);
    },
  };
}
