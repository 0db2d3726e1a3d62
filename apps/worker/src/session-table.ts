// The sessions this worker owns: each with its runner. Takes them on, wakes them, hands them back, forgets them.
import type { SessionId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import {
  sessionKeys,
  type CommandInbox,
  type EventLog,
  type PlacementQueue,
  type SessionStore,
  type Subscriber,
  type WorkerIdentity,
  type WorkerRegistry,
} from '@holdfast/shared/store';
import type { Claimed } from './claim/claimer.ts';
import type { ChildEnvironment } from './session/child-host.ts';
import { createSessionFiles } from './session/session-files.ts';
import { SessionRunner } from './session/session-runner.ts';

export interface SessionTableDeps {
  readonly sessions: SessionStore;
  readonly registry: WorkerRegistry;
  readonly log: EventLog;
  readonly inbox: CommandInbox;
  readonly placement: PlacementQueue;
  readonly subscriber: Subscriber;
  readonly identity: WorkerIdentity;
  readonly logger: Logger;
  readonly dataDir: string;
  readonly seedDir: string | undefined;
}

interface Owned {
  readonly runner: SessionRunner;
  readonly claimed: Claimed;
}

export class SessionTable {
  readonly #deps: SessionTableDeps;
  readonly #environment: ChildEnvironment;
  readonly #owned = new Map<SessionId, Owned>();

  constructor(deps: SessionTableDeps, environment: ChildEnvironment) {
    this.#deps = deps;
    this.#environment = environment;
  }

  /** How many children live or are being started. */
  get childCount(): number {
    return [...this.#owned.values()].filter(({ runner }) => runner.hasChild).length;
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

  /** Serves a session that was just claimed. */
  async adopt(sessionId: SessionId, claimed: Claimed): Promise<void> {
    const { log, inbox, logger, identity, dataDir, seedDir, subscriber } = this.#deps;
    const { owner, meta, view, queue, taken } = claimed;
    const runner = new SessionRunner({
      ...{ log, inbox, owner, meta, view, queue, taken },
      environment: this.#environment,
      workerId: identity.workerId,
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
    await subscriber.subscribe(sessionKeys(sessionId).doorbell, () => runner.wake('doorbell'));
    logger.info({ sessionId, fence: owner.fence }, 'session claimed');
    await runner.start();
  }

  /**
   * Sorts all sessions into those that are still ours and those that somebody else has claimed. Throws when Redis
   * does not tell; nothing is decided then.
   */
  async confirm(): Promise<{ readonly kept: SessionId[]; readonly lost: SessionId[] }> {
    const kept: SessionId[] = [];
    const lost: SessionId[] = [];
    for (const [sessionId, { claimed }] of this.#owned) {
      const meta = await this.#deps.sessions.read(sessionId);
      (meta?.fence === claimed.owner.fence ? kept : lost).push(sessionId);
    }
    for (const sessionId of lost) this.#owned.get(sessionId)?.runner.wake('lost');
    return { kept, lost };
  }

  /** Hands all sessions back; running turns get `graceMs`. Prompts that wait are placed anew. */
  async handBackAll(graceMs: number): Promise<void> {
    await Promise.all(
      [...this.#owned.values()].map(async ({ runner, claimed }) => {
        const { hasWork } = await runner.stop(graceMs);
        await this.#deps.sessions.release(claimed.owner);
        if (hasWork) await this.#deps.placement.request(runner.sessionId);
      }),
    );
  }

  #note(sessionId: SessionId, isActive: boolean): void {
    const { registry, identity, logger } = this.#deps;
    const noted = isActive
      ? registry.noteActive(identity, sessionId)
      : registry.clearActive(identity.workerId, sessionId);
    void noted.catch((error: unknown) => logger.warn({ err: error, sessionId }, 'noting activity failed'));
  }

  async #forget(sessionId: SessionId, reason: 'lost' | 'deleted'): Promise<void> {
    const owned = this.#owned.get(sessionId);
    this.#owned.delete(sessionId);
    await this.#deps.subscriber.unsubscribe(sessionKeys(sessionId).doorbell);
    if (reason !== 'deleted' || owned === undefined) return;
    await this.#deps.sessions.delete(owned.claimed.owner, owned.claimed.meta.userId);
    await this.#deps.registry.clearActive(this.#deps.identity.workerId, sessionId);
    this.#deps.logger.info({ sessionId }, 'session deleted');
  }
}
