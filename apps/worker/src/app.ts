// The worker: takes sessions by placement hints, runs each with its own runner, hands them back when it stops.
import type { SessionId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import {
  createPlacementConsumer,
  sessionKeys,
  type CommandInbox,
  type EventLog,
  type PlacementConsumer,
  type PlacementQueue,
  type RedisAddress,
  type SessionStore,
  type Subscriber,
  type WorkerIdentity,
  type WorkerInfo,
  type WorkerRegistry,
} from '@holdfast/shared/store';
import { claimSession, type Claimed } from './claim/claimer.ts';
import { createLeaseKeeper } from './claim/lease-keeper.ts';
import type { ChildEnvironment } from './session/child-host.ts';
import { createSessionFiles } from './session/session-files.ts';
import { SessionRunner } from './session/session-runner.ts';

export interface WorkerDeps {
  readonly address: RedisAddress;
  readonly sessions: SessionStore;
  readonly registry: WorkerRegistry;
  readonly log: EventLog;
  readonly inbox: CommandInbox;
  readonly placement: PlacementQueue;
  readonly subscriber: Subscriber;
  readonly redisRunId: () => string;
  readonly logger: Logger;
  readonly identity: WorkerIdentity;
  readonly environment: ChildEnvironment;
  readonly dataDir: string;
  readonly seedDir: string | undefined;
  readonly maxChildren: number;
  /** What the worker says of itself, without what it counts. */
  readonly about: Pick<WorkerInfo, 'version' | 'hostname' | 'pid'>;
}

export interface Worker {
  start(): Promise<void>;
  /** Takes nothing new, ends all children, writes what is left to write, and gives the sessions up. */
  stop(): Promise<void>;
}

/** How many placement hints are worked on at a time. */
const PLACEMENT_CONCURRENCY = 8;
/** A worker without room gives the hint back for this long. */
const FULL_DELAY_MS = 500;

export function buildWorker(deps: WorkerDeps): Worker {
  const runners = new Map<SessionId, { readonly runner: SessionRunner; readonly claimed: Claimed }>();
  let isStopping = false;
  let consumer: PlacementConsumer | undefined;
  const childCount = (): number => [...runners.values()].filter(({ runner }) => runner.hasChild).length;
  const lease = createLeaseKeeper({
    registry: deps.registry,
    identity: deps.identity,
    logger: deps.logger,
    info: () => ({ ...deps.about, children: childCount(), capacity: deps.maxChildren, draining: isStopping }),
  });

  async function place(sessionId: SessionId): Promise<void> {
    const known = runners.get(sessionId);
    if (known !== undefined) return known.runner.wake('doorbell');
    if (isStopping || childCount() >= deps.maxChildren) {
      await deps.placement.request(sessionId, { delayMs: FULL_DELAY_MS });
      return;
    }
    const outcome = await claimSession(deps, sessionId);
    if (outcome.status === 'claimed') await adopt(sessionId, outcome.claimed);
  }

  async function adopt(sessionId: SessionId, claimed: Claimed): Promise<void> {
    const { owner, meta, view, queue, taken } = claimed;
    const { log, inbox, environment, identity, dataDir, seedDir } = deps;
    const runner = new SessionRunner({
      ...{ log, inbox, environment, owner, meta, view, queue, taken },
      workerId: identity.workerId,
      logger: deps.logger.child({ sessionId, fence: owner.fence }),
      files: createSessionFiles({ dataDir, userId: meta.userId, sessionId, seedDir }),
      now: Date.now,
      onOver: (reason) =>
        void forget(sessionId, reason).catch((error: unknown) => {
          deps.logger.error({ err: error, sessionId }, 'forgetting a session failed');
        }),
    });
    runners.set(sessionId, { runner, claimed });
    // The doorbell is heard before the inbox is read: no command can fall between the two.
    await deps.subscriber.subscribe(sessionKeys(sessionId).doorbell, () => runner.wake('doorbell'));
    deps.logger.info({ sessionId, fence: owner.fence }, 'session claimed');
    await runner.start();
  }

  async function forget(sessionId: SessionId, reason: 'lost' | 'deleted'): Promise<void> {
    const known = runners.get(sessionId);
    runners.delete(sessionId);
    await deps.subscriber.unsubscribe(sessionKeys(sessionId).doorbell);
    if (reason === 'deleted' && known !== undefined) {
      await deps.sessions.delete(known.claimed.owner, known.claimed.meta.userId);
      deps.logger.info({ sessionId }, 'session deleted');
    }
  }

  return {
    start: async () => {
      await lease.start();
      deps.subscriber.onGap(() => {
        for (const { runner } of runners.values()) runner.wake('doorbell');
      });
      consumer = createPlacementConsumer({
        address: deps.address,
        logger: deps.logger,
        concurrency: PLACEMENT_CONCURRENCY,
        place,
      });
    },
    stop: async () => {
      isStopping = true;
      await consumer?.close();
      await Promise.all(
        [...runners.values()].map(async ({ runner, claimed }) => {
          await runner.stop();
          await deps.sessions.release(claimed.owner);
        }),
      );
      await lease.stop();
    },
  };
}
