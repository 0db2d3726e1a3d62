// A worker's log side without its children: keeps a lease, claims sessions as a worker does, writes them.
import { setTimeout as pause } from 'node:timers/promises';
import type { SessionId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type { EventLog, SessionStore, WorkerIdentity, WorkerRegistry } from '@holdfast/shared/store';
import { claimSession, type ClaimerDeps } from '../../apps/worker/src/claim/claimer.ts';
import { createLeaseKeeper, LEASE_MS } from '../../apps/worker/src/claim/lease-keeper.ts';
import { LeaseTerm } from '../../apps/worker/src/claim/lease-term.ts';
import { TakeoverGuard } from '../../apps/worker/src/claim/takeover-guard.ts';
import { OwnedSession } from './owned-session.ts';
import type { Random } from './random.ts';

export interface CrewDeps extends Omit<ClaimerDeps, 'maySeize'> {
  readonly sessions: SessionStore;
  readonly registry: WorkerRegistry;
  readonly identity: WorkerIdentity;
  /** Identity of the Redis server's run, read when the connection was made. */
  readonly redisRunId: () => string;
  /** The log, with what is appended recorded. */
  readonly log: EventLog;
  readonly logger: Logger;
  readonly random: Random;
  /** Sessions to write, those that nobody has owned yet only if they are this crew's own. */
  readonly wanted: readonly { readonly sessionId: SessionId; readonly isOwn: boolean }[];
  readonly eventsPerSecond: number;
}

const CLAIM_EVERY_MS = 250;
const WORK_EVERY_MS = 10;
/** A session that nobody claimed by then has lost the crew it was meant for. */
const OWN_FIRST_MS = 8_000;

export class WriterCrew {
  readonly #deps: CrewDeps;
  readonly #owned = new Map<SessionId, OwnedSession>();
  readonly #guard = new TakeoverGuard();
  readonly #lease: ReturnType<typeof createLeaseKeeper>;
  readonly #startedAt = performance.now();
  #state: 'writing' | 'finishing' | 'stopped' = 'writing';
  #loops: Promise<void>[] = [];

  constructor(deps: CrewDeps) {
    this.#deps = deps;
    this.#lease = createLeaseKeeper({
      registry: deps.registry,
      identity: deps.identity,
      logger: deps.logger,
      term: new LeaseTerm(LEASE_MS, () => performance.now()),
      info: () => ({
        ...{ version: '0', hostname: 'chaos', pid: process.pid, draining: false },
        ...{ children: this.#owned.size, capacity: deps.wanted.length },
      }),
      onBeat: () => this.#guard.beat(performance.now(), deps.redisRunId()),
    });
  }

  async start(): Promise<void> {
    await this.#lease.start();
    this.#loops = [this.#claimOn(), this.#workOn()];
  }

  /** Ends all turns; resolves to whether everything written is in the log. */
  async finish(): Promise<boolean> {
    this.#state = 'finishing';
    const done = await Promise.all([...this.#owned.values()].map(async (session) => session.finish()));
    return done.every(Boolean);
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    await Promise.all(this.#loops);
    await this.#lease.stop();
  }

  async #claimOn(): Promise<void> {
    while (this.#state === 'writing') {
      for (const { sessionId, isOwn } of this.#deps.wanted) {
        if (this.#owned.has(sessionId) || this.#state !== 'writing') continue;
        await this.#tryClaim(sessionId, isOwn).catch((error: unknown) => {
          this.#deps.logger.warn({ err: error, sessionId }, 'a claim failed');
        });
      }
      await pause(CLAIM_EVERY_MS);
    }
  }

  async #tryClaim(sessionId: SessionId, isOwn: boolean): Promise<void> {
    const { sessions, log, logger, random, identity } = this.#deps;
    const isEarly = performance.now() - this.#startedAt < OWN_FIRST_MS;
    if (!isOwn && isEarly && (await sessions.read(sessionId))?.fence === 0) return;
    const maySeize = (): boolean => this.#guard.maySeize(performance.now(), this.#deps.redisRunId());
    const outcome = await claimSession({ ...this.#deps, maySeize }, sessionId);
    if (outcome.status !== 'claimed') return;
    const { claimed } = outcome;
    const session = new OwnedSession({
      ...{ claimed, log, logger, random, workerId: identity.workerId },
      onLost: (reason) => {
        logger.warn({ sessionId, reason }, 'a session was lost');
        this.#owned.delete(sessionId);
        // Redis may still name us, after it lost what we can't repair: then nobody else would take it.
        void sessions.release(claimed.owner).catch(() => undefined);
      },
    });
    this.#owned.set(sessionId, session);
  }

  async #workOn(): Promise<void> {
    let last = performance.now();
    while (this.#state === 'writing') {
      await pause(WORK_EVERY_MS);
      const now = performance.now();
      for (const session of this.#owned.values()) session.work(now - last, this.#deps.eventsPerSecond);
      last = now;
    }
  }
}
