// The worker: takes sessions by placement hints, keeps its lease and its guardian, hands everything back at the end.
import type { SessionId } from '@holdfast/shared/protocol';
import { metrics, type Logger } from '@holdfast/shared/runtime';
import {
  createPlacementConsumer,
  type PlacementConsumer,
  type RedisAddress,
  type WorkerInfo,
} from '@holdfast/shared/store';
import { claimSession, hasWork, type ClaimOutcome } from './claim/claimer.ts';
import { createLeaseKeeper } from './claim/lease-keeper.ts';
import type { LeaseTerm } from './claim/lease-term.ts';
import { createReaper } from './claim/reaper.ts';
import { TakeoverGuard } from './claim/takeover-guard.ts';
import { createWorkerDoorbell } from './claim/worker-doorbell.ts';
import { createGuardianLink, type GuardianLink } from './guardian/guardian-link.ts';
import { SessionTable, type SessionTableDeps } from './session-table.ts';
import type { ChildEnvironment } from './session/child-host.ts';

export interface WorkerDeps extends SessionTableDeps {
  readonly address: RedisAddress;
  /** Until when this worker may write. */
  readonly term: LeaseTerm;
  /**
   * Identity of the Redis server's run, read when the connection was made: tells an outage from a slow machine. null
   * while there is no connection, or it is not known yet whom it leads to.
   */
  readonly redisRunId: () => string | null;
  readonly environment: Omit<ChildEnvironment, 'guardian'>;
  /** How long running turns may go on when the worker is asked to stop. */
  readonly drainMs: number;
  /** The worker can't go on safely and must end. */
  readonly onFatal: (reason: string) => void;
  /** What the worker says of itself, without what it counts. */
  readonly about: Pick<WorkerInfo, 'version' | 'hostname' | 'pid'>;
}

export interface Worker {
  start(): Promise<void>;
  /** The connection to Redis was lost and is there again. */
  reconnected(): void;
  /** Takes nothing new, lets turns end, ends all children, writes what is left to write, gives the sessions up. */
  stop(): Promise<void>;
}

/** How many placement hints are worked on at a time; most of them only wait for their delay to be over. */
const PLACEMENT_CONCURRENCY = 64;
/** A worker that can't take a session now gives the hint back for this long. */
const RETRY_DELAY_MS = 500;

export function buildWorker(deps: WorkerDeps): Worker {
  const { registry, placement, identity, logger, term } = deps;
  const guard = new TakeoverGuard();
  let isStopping = false;
  let isFrozen = false;
  let consumer: PlacementConsumer | undefined;
  const guardian = createGuardianLink({
    ...{ identity, logger, env: deps.environment.workerEnv },
    onFrozen: () => void (isFrozen = true),
    onLost: () => deps.onFatal('no guardian'),
  });
  const table = new SessionTable(deps, { ...deps.environment, guardian });
  const lease = createLeaseKeeper({
    ...{ registry, identity, logger, term },
    info: () => ({
      ...deps.about,
      children: table.childCount,
      capacity: deps.maxChildren,
      draining: isStopping,
    }),
    onBeat: () => {
      guard.beat(performance.now(), deps.redisRunId(), term.clockOffset);
      guardian.beat();
      metrics.lastHeartbeat.setToCurrentTime();
      table.report();
      if (!isFrozen && !term.isDoubtful) return;
      isFrozen = false;
      void thaw(table, guardian, logger).then((isSettled) => {
        if (isSettled) term.confirmed();
        else isFrozen = true;
      });
    },
  });
  const maySeize = async (): Promise<boolean> => believesDeaths(guard, deps);
  const reaper = createReaper({ registry, placement, identity, maySeize, logger });

  /** Claims the session and serves it, where that is needed and possible. */
  async function take(sessionId: SessionId): Promise<ClaimOutcome['status']> {
    const outcome = await claimSession({ ...deps, maySeize, isNeeded: hasWork }, sessionId);
    metrics.claims.inc({ outcome: outcome.status });
    if (outcome.status === 'claimed') await table.adopt(sessionId, outcome.claimed);
    return outcome.status;
  }

  async function place(sessionId: SessionId): Promise<void> {
    if (table.wake(sessionId)) return;
    const isElsewhere = isStopping || (table.isBusy && (await offerElsewhere(deps, sessionId)));
    const isLater = isElsewhere || (await take(sessionId)) === 'later';
    if (isLater) await placement.request(sessionId, { delayMs: RETRY_DELAY_MS });
  }

  const doorbell = createWorkerDoorbell({
    ...{ subscriber: deps.subscriber, workerId: identity.workerId, logger },
    answer: async (sessionId) => {
      if (!isStopping && !isFrozen && !table.wake(sessionId) && !table.isBusy) await take(sessionId);
    },
  });

  return {
    start: async () => {
      await guardian.start();
      await lease.start();
      reaper.start();
      await doorbell.start();
      deps.subscriber.onGap(() => table.wakeAll());
      const { address } = deps;
      consumer = createPlacementConsumer({ address, logger, concurrency: PLACEMENT_CONCURRENCY, place });
    },
    reconnected: () => {
      void table
        .reconnected()
        .catch((error: unknown) => logger.warn({ err: error }, 'checking the logs failed'));
    },
    stop: async () => {
      isStopping = true;
      await doorbell.stop();
      await consumer?.close();
      await reaper.stop();
      await table.handBackAll(deps.drainMs);
      await lease.stop();
      await guardian.stop();
    },
  };
}

/**
 * Redis answers again after the children were stopped, or after the lease was over: those that are still ours go on,
 * the others end. False when nobody could tell which are which; nothing is changed then.
 */
async function thaw(table: SessionTable, guardian: GuardianLink, logger: Logger): Promise<boolean> {
  try {
    const { kept, lost } = await table.confirm();
    for (const sessionId of kept) guardian.thaw(sessionId);
    for (const sessionId of lost) guardian.kill(sessionId);
    return true;
  } catch (error) {
    logger.warn({ err: error }, 'ownership could not be confirmed: children stay stopped');
    return false;
  }
}

/** Whether a worker that looks dead by the clock of Redis may be believed dead: asked only when one does. */
async function believesDeaths(guard: TakeoverGuard, deps: WorkerDeps): Promise<boolean> {
  if (!guard.maySeize(performance.now(), deps.redisRunId())) return false;
  return guard.isSteady((await deps.registry.time()) - performance.now());
}

/**
 * Rings another worker that could start a child at once; false when none can: then the session waits here, visibly. A
 * hint that is only given back would come to us again, who are the first to be free for it.
 */
async function offerElsewhere({ registry, identity }: WorkerDeps, sessionId: SessionId): Promise<boolean> {
  const others = (await registry.list()).filter(({ workerId }) => workerId !== identity.workerId);
  for (const other of others) {
    const { info } = other;
    const hasRoom = !info.draining && info.children < info.capacity;
    if (hasRoom && (await registry.ring(other.workerId, sessionId))) return true;
  }
  return false;
}
