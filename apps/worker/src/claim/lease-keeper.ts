// Keeps this worker's lease: a heartbeat every 2 s against a deadline of 10 s by Redis TIME. One for the whole
// worker: an idle session costs nothing.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@holdfast/shared/runtime';
import type { WorkerIdentity, WorkerInfo, WorkerRegistry } from '@holdfast/shared/store';
import type { LeaseTerm } from './lease-term.ts';

/** Twice as often costs Redis; half as often leaves one lost beat between us and a takeover. */
const BEAT_MS = 2_000;
/** Shorter: a busy machine loses sessions. Longer: a lost host is noticed late. */
export const LEASE_MS = 10_000;
/** How long a start waits for an earlier process of the same name, which may have been killed a moment ago. */
const NAME_WAIT_MS = LEASE_MS + 2_000;
const NAME_RETRY_MS = 500;

export interface LeaseKeeper {
  /** Takes the lease; throws when another process uses this worker's name and goes on living. */
  start(): Promise<void>;
  /** Stops beating and ends the lease at once. */
  stop(): Promise<void>;
}

export function createLeaseKeeper(options: {
  readonly registry: WorkerRegistry;
  readonly identity: WorkerIdentity;
  readonly info: () => WorkerInfo;
  readonly logger: Logger;
  /** What each answered heartbeat extends. */
  readonly term: LeaseTerm;
  /** Called after each heartbeat that Redis answered. */
  readonly onBeat: () => void;
}): LeaseKeeper {
  const { registry, identity, info, logger, term, onBeat } = options;
  const ended = new AbortController();
  let loop: Promise<void> = Promise.resolve();

  async function send(): Promise<'alive' | 'taken'> {
    const sentAt = performance.now();
    const answer = await registry.beat(identity, LEASE_MS, info());
    if (answer.status === 'alive') term.beat(sentAt, answer);
    return answer.status;
  }

  async function rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: ended.signal }).catch(() => {});
  }

  async function beat(): Promise<void> {
    while (!ended.signal.aborted) {
      await rest(BEAT_MS);
      if (ended.signal.aborted) return;
      try {
        if ((await send()) === 'alive') onBeat();
        else logger.error({ workerId: identity.workerId }, 'another process uses this worker name');
      } catch (error) {
        logger.warn({ err: error }, 'a heartbeat failed');
      }
    }
  }

  async function take(): Promise<boolean> {
    const deadline = performance.now() + NAME_WAIT_MS;
    while ((await send()) === 'taken') {
      if (performance.now() > deadline || ended.signal.aborted) return false;
      logger.info(
        { workerId: identity.workerId },
        'waiting for the lease of an earlier process of this name to end',
      );
      await rest(NAME_RETRY_MS);
    }
    return true;
  }

  return {
    start: async () => {
      if (!(await take())) {
        throw new Error(
          `Another living worker is called ${identity.workerId}. Give this one another HOLDFAST_WORKER_ID, or none.`,
        );
      }
      onBeat();
      loop = beat();
    },
    stop: async () => {
      ended.abort();
      await loop;
      await registry.retire(identity);
    },
  };
}
