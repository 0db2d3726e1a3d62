// Finds dead workers and has the sessions placed anew that had something to do there. One worker does it at a time;
// idle sessions are left alone: they find a new owner with their next command.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@holdfast/shared/runtime';
import type { PlacementQueue, WorkerIdentity, WorkerRegistry } from '@holdfast/shared/store';
import { LEASE_MS } from './lease-keeper.ts';

/** Half the time costs a Redis call more per second; double the time is added to every takeover. */
const ROUND_MS = 1_000;
/** The office falls free this long after its holder was lost. */
const TERM_MS = 3_000;

export interface Reaper {
  start(): void;
  stop(): Promise<void>;
}

export function createReaper(options: {
  readonly registry: WorkerRegistry;
  readonly placement: PlacementQueue;
  readonly identity: WorkerIdentity;
  /** Whether a worker that looks dead may be believed dead just now. */
  readonly maySeize: () => boolean | Promise<boolean>;
  readonly logger: Logger;
}): Reaper {
  const { registry, placement, identity, maySeize, logger } = options;
  const ended = new AbortController();
  let loop: Promise<void> = Promise.resolve();

  async function round(): Promise<void> {
    const dead = await registry.electReaper(identity, TERM_MS, LEASE_MS);
    if (dead === null || dead.length === 0 || !(await maySeize())) return;
    for (const workerId of dead) {
      const sessions = await registry.activeSessions(workerId);
      for (const sessionId of sessions) await placement.request(sessionId);
      // The hints are durable by now. Were we to die in between, the next reaper would only repeat them.
      await registry.forget(workerId);
      logger.warn(
        { deadWorkerId: workerId, sessions: sessions.length },
        'a worker is dead: its sessions are placed anew',
      );
    }
  }

  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      try {
        await round();
      } catch (error) {
        logger.warn({ err: error }, 'a reaper round failed');
      }
      await pause(ROUND_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
  }

  return {
    start: () => {
      loop = run();
    },
    stop: async () => {
      ended.abort();
      await loop;
    },
  };
}
