// The sessions this worker owns: each with its runner. Takes them on, wakes them, hands them back, forgets them.
import type { SessionId } from '@holdfast/shared/protocol';
import { metrics, type Logger } from '@holdfast/shared/runtime';
import {
  sessionKeys,
  type CommandInbox,
  type EventLog,
  type Ownership,
  type PlacementQueue,
  type SessionStore,
  type Subscriber,
  type Uploads,
  type WorkerIdentity,
  type WorkerRegistry,
} from '@holdfast/shared/store';
import type { ClaimNotes } from './claim/claim-notes.ts';
import type { Claimed } from './claim/claimer.ts';
import type { ApprovalEnvironment } from './approvals/session-approvals.ts';
import { Admission } from './session/admission.ts';
import type { ChildLimits } from './session/child-care.ts';
import type { ChildEnvironment } from './session/child-host.ts';
import { promptBlocksOf } from './session/prompt-blocks.ts';
import { createSessionFiles } from './session/session-files.ts';
import { SessionRunner, type RunnerOver } from './session/session-runner.ts';

export interface SessionTableDeps {
  readonly sessions: SessionStore;
  readonly registry: WorkerRegistry;
  readonly log: EventLog;
  readonly inbox: CommandInbox;
  readonly uploads: Uploads;
  readonly placement: PlacementQueue;
  readonly subscriber: Subscriber;
  readonly identity: WorkerIdentity;
  readonly logger: Logger;
  /** Witness of claims beside Redis. */
  readonly notes: ClaimNotes;
  readonly dataDir: string;
  readonly seedDir: string | undefined;
  readonly maxChildren: number;
  readonly limits: ChildLimits;
  readonly approvals: ApprovalEnvironment;
}

interface Owned {
  readonly runner: SessionRunner;
  readonly claimed: Claimed;
}

/** How long a release is remembered. Redis loses a second or two; what it lost longer ago it has lost for good. */
const GIVEN_UP_MS = 60_000;

export class SessionTable {
  readonly #deps: SessionTableDeps;
  readonly #environment: ChildEnvironment;
  readonly #owned = new Map<SessionId, Owned>();
  /** Sessions that were given up lately, oldest first. */
  readonly #givenUp = new Map<SessionId, { readonly owner: Ownership; readonly at: number }>();
  readonly #admission: Admission;
  #isClosed = false;

  constructor(deps: SessionTableDeps, environment: ChildEnvironment) {
    this.#deps = deps;
    this.#environment = environment;
    this.#admission = new Admission({ capacity: deps.maxChildren, parkIdlest: () => this.#parkIdlest() });
  }

  /** How many children live or are being started. */
  get childCount(): number {
    return this.#admission.taken;
  }

  /** Whether a further child would have to wait: all places are taken by children that have something to do. */
  get isBusy(): boolean {
    return this.#admission.isFull && this.#idlest() === undefined;
  }

  /** Sets the gauges of what this worker holds. */
  report(): void {
    const runners = [...this.#owned.values()].map(({ runner }) => runner);
    const withChild = runners.filter((runner) => runner.hasChild);
    const idle = withChild.filter((runner) => runner.idleSince !== null).length;
    metrics.ownedSessions.set(runners.length);
    metrics.children.set({ state: 'idle' }, idle);
    metrics.children.set({ state: 'busy' }, withChild.length - idle);
  }

  /** Wakes the session's runner; false when the session is not ours. */
  wake(sessionId: SessionId): boolean {
    const owned = this.#owned.get(sessionId);
    owned?.runner.wake('doorbell');
    return owned !== undefined;
  }

  /** Doorbells may have been missed: every runner looks into its inbox. */
  wakeAll(): void {
    for (const { runner } of this.#owned.values()) runner.wake('doorbell');
  }

  /** Redis was away: every runner checks its log, and what was given up lately is given up again if that was lost. */
  async reconnected(): Promise<void> {
    await this.#giveUpAgain();
    for (const [sessionId, { runner }] of this.#owned) {
      const meta = await this.#deps.sessions.read(sessionId);
      if (meta !== null) await runner.reconnected(meta.inboxHead);
    }
  }

  /** Serves a session that was just claimed. One whose claim was under way when all were handed back goes back, too. */
  async adopt(sessionId: SessionId, claimed: Claimed): Promise<void> {
    if (this.#isClosed) {
      await this.#release(claimed);
      await this.#deps.placement.request(sessionId);
      return;
    }
    const { log, inbox, uploads, logger, identity, dataDir, seedDir, subscriber } = this.#deps;
    const { owner, meta, view, queue, taken } = claimed;
    const runner = new SessionRunner({
      ...{ log, inbox, blocks: promptBlocksOf(uploads, sessionId), owner, meta, view, queue, taken },
      environment: this.#environment,
      workerId: identity.workerId,
      admission: this.#admission,
      limits: this.#deps.limits,
      approvals: this.#deps.approvals,
      logger: logger.child({ sessionId, fence: owner.fence }),
      files: createSessionFiles({ dataDir, userId: meta.userId, sessionId, seedDir }),
      now: Date.now,
      onActive: (isActive) => this.#note(sessionId, isActive),
      onOver: (reason) => {
        void this.#forget(sessionId, reason).catch((error: unknown) => {
          logger.error({ err: error, sessionId }, 'forgetting a session failed');
        });
      },
    });
    this.#owned.set(sessionId, { runner, claimed });
    // The doorbell is heard before the inbox is read: no command can fall between the two.
    await subscriber.subscribe(sessionKeys(sessionId).doorbell, (body) => runner.ring(body.toString('utf8')));
    logger.info({ sessionId, fence: owner.fence }, 'session claimed');
    await runner.start();
  }

  /**
   * Sorts all sessions into those that are still ours and those that somebody else has claimed: as Redis says, and as
   * was noted beside it, since Redis may have lost a claim. Nothing more is written to those that are not ours. Throws
   * when Redis does not tell; nothing is decided then.
   */
  async confirm(): Promise<{ readonly kept: SessionId[]; readonly lost: SessionId[] }> {
    const kept: SessionId[] = [];
    const lost: SessionId[] = [];
    for (const [sessionId, { claimed }] of this.#owned) {
      const { fence } = claimed.owner;
      const [meta, note] = await Promise.all([
        this.#deps.sessions.read(sessionId),
        this.#deps.notes.read(claimed.meta),
      ]);
      const isOurs = meta?.fence === fence && (note?.fence ?? 0) <= fence;
      (isOurs ? kept : lost).push(sessionId);
    }
    for (const sessionId of lost) this.#owned.get(sessionId)?.runner.lose();
    return { kept, lost };
  }

  /**
   * Hands all sessions back, each as soon as it can be: running turns get `graceMs`. What has something to do is placed
   * anew, a command too that came when it was not read any more.
   */
  async handBackAll(graceMs: number): Promise<void> {
    this.#isClosed = true;
    await Promise.all(
      [...this.#owned.values()].map(async ({ runner, claimed }) => {
        const { hasWork } = await runner.stop(graceMs);
        await this.#release(claimed);
        if (hasWork || (await this.#isUnread(runner.sessionId))) {
          await this.#deps.placement.request(runner.sessionId);
        }
      }),
    );
  }

  async #isUnread(sessionId: SessionId): Promise<boolean> {
    const meta = await this.#deps.sessions.read(sessionId);
    return meta !== null && meta.inboxHead > meta.inboxAcked;
  }

  /** The runner whose child has been idle for the longest time. */
  #idlest(): SessionRunner | undefined {
    return [...this.#owned.values()]
      .map(({ runner }) => runner)
      .filter((runner) => runner.idleSince !== null)
      .toSorted((one, other) => (one.idleSince ?? 0) - (other.idleSince ?? 0))[0];
  }

  #parkIdlest(): boolean {
    return this.#idlest()?.park('room_needed') ?? false;
  }

  #note(sessionId: SessionId, isActive: boolean): void {
    const { registry, identity, logger } = this.#deps;
    const noted = isActive
      ? registry.noteActive(identity, sessionId)
      : registry.clearActive(identity.workerId, sessionId);
    void noted.catch((error: unknown) => logger.warn({ err: error, sessionId }, 'noting activity failed'));
  }

  async #forget(sessionId: SessionId, reason: RunnerOver): Promise<void> {
    const owned = this.#owned.get(sessionId);
    this.#owned.delete(sessionId);
    await this.#deps.subscriber.unsubscribe(sessionKeys(sessionId).doorbell);
    if (owned === undefined) return;
    if (reason === 'lost') return this.#offerAnew(owned);
    if (reason === 'parked') return this.#giveUp(owned);
    await this.#deps.sessions.delete(owned.claimed.owner, owned.claimed.meta.userId);
    await this.#deps.registry.clearActive(this.#deps.identity.workerId, sessionId);
    this.#deps.logger.info({ sessionId }, 'session deleted');
  }

  /**
   * A session that we can't write any more. If Redis still names us (its log could not be repaired, or it lost our
   * claim), nobody would look after it: it is given up and placed anew. A living owner makes the hint a no-op.
   */
  async #offerAnew({ runner, claimed }: Owned): Promise<void> {
    await this.#release(claimed);
    await this.#deps.placement.request(runner.sessionId);
  }

  /** A parked session belongs to nobody; a command that slipped in meanwhile is placed anew. */
  async #giveUp({ runner, claimed }: Owned): Promise<void> {
    const { placement, registry, identity } = this.#deps;
    await this.#release(claimed);
    if (await this.#isUnread(runner.sessionId)) await placement.request(runner.sessionId);
    else await registry.clearActive(identity.workerId, runner.sessionId);
  }

  /** Its child is gone: whoever claims it next need not wait for us. */
  async #release({ owner, meta }: Claimed): Promise<void> {
    const { workerId, incarnation } = this.#deps.identity;
    await this.#deps.notes.write(meta, { fence: owner.fence, workerId, incarnation, isHeld: false });
    await this.#deps.sessions.release(owner);
    this.#givenUp.delete(owner.sessionId);
    this.#givenUp.set(owner.sessionId, { owner, at: performance.now() });
    for (const [sessionId, { at }] of this.#givenUp) {
      if (performance.now() - at <= GIVEN_UP_MS) break;
      this.#givenUp.delete(sessionId);
    }
  }

  /** A Redis that lost the end of our ownership takes us for a living owner: nobody else would serve the session. */
  async #giveUpAgain(): Promise<void> {
    for (const [sessionId, { owner, at }] of this.#givenUp) {
      if (performance.now() - at > GIVEN_UP_MS) this.#givenUp.delete(sessionId);
      else if ((await this.#deps.sessions.release(owner)) === 'released') {
        if (await this.#isUnread(sessionId)) await this.#deps.placement.request(sessionId);
      }
    }
  }
}
