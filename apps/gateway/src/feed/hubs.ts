// All hubs of this gateway: made with the first follower of a session, ended with its last. Audits them, since
// pub/sub may lie: after every resubscription, and after silence, from one timer for all.
import { ServiceError, type SessionId } from '@holdfast/shared/protocol';
import { metrics, type Logger } from '@holdfast/shared/runtime';
import { sessionKeys, type EventLog, type Subscriber } from '@holdfast/shared/store';
import { withDeadline } from '@holdfast/shared/util';
import { Hub, type HubFollower } from './hub.ts';
import type { Retry } from './retry.ts';

/** How often hubs are looked through for those that were silent too long. */
const TICK_MS = 5_000;
/** A lost last message of a turn shows at the latest after this and one tick: 15 s. */
const ACTIVE_SILENCE_MS = 10_000;
/** Idle sessions cost one read in this time. */
const IDLE_SILENCE_MS = 60_000;
const AUDIT_BATCH = 512;
const SUBSCRIBE_DEADLINE_MS = 5_000;

export interface HubsDeps {
  readonly subscriber: Subscriber;
  readonly log: EventLog;
  readonly retry: Retry;
  readonly logger: Logger;
  readonly now: () => number;
}

export class Hubs {
  readonly #hubs = new Map<SessionId, Hub>();
  readonly #deps: HubsDeps;
  readonly #timer: NodeJS.Timeout;
  #wanted = new Set<Hub>();
  #isAuditing = false;
  #isClosed = false;

  constructor(deps: HubsDeps) {
    this.#deps = deps;
    deps.subscriber.onGap(() => this.audit(this.#hubs.values()));
    this.#timer = setInterval(() => this.#auditSilent(), TICK_MS);
    this.#timer.unref();
  }

  get size(): number {
    return this.#hubs.size;
  }

  /**
   * Adds a follower. Resolves when the subscription is acknowledged: what is appended after that is delivered.
   * Throws `storage_unavailable` when that takes too long; the follower is not added then.
   */
  async join(sessionId: SessionId, follower: HubFollower): Promise<Hub> {
    const hub = this.#hubs.get(sessionId) ?? this.#open(sessionId);
    hub.followers.add(follower);
    try {
      await withDeadline(hub.ready, { limitMs: SUBSCRIBE_DEADLINE_MS, what: 'subscribing to a session' });
      return hub;
    } catch (error) {
      this.leave(hub, follower);
      throw new ServiceError('storage_unavailable', { cause: error });
    }
  }

  leave(hub: Hub, follower: HubFollower): void {
    hub.followers.delete(follower);
    if (hub.followers.size > 0 || this.#hubs.get(hub.sessionId) !== hub) return;
    hub.close();
    this.#hubs.delete(hub.sessionId);
    metrics.watchedSessions.dec();
    void this.#deps.subscriber.unsubscribe(sessionKeys(hub.sessionId).live);
  }

  /** Compares these hubs with the heads of their logs, soon and in batches. */
  audit(hubs: Iterable<Hub>): void {
    for (const hub of hubs) this.#wanted.add(hub);
    if (!this.#isAuditing) void this.#runAudits();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const hub of this.#hubs.values()) hub.close();
    this.#hubs.clear();
  }

  #open(sessionId: SessionId): Hub {
    const { log, retry, now, subscriber } = this.#deps;
    const hub = new Hub(sessionId, { log, retry, now, requestAudit: (one) => this.audit([one]) });
    this.#hubs.set(sessionId, hub);
    metrics.watchedSessions.inc();
    hub.ready = subscriber.subscribe(sessionKeys(sessionId).live, (body) => hub.onMessage(body));
    hub.ready.catch(() => undefined); // every follower awaits it itself
    return hub;
  }

  #auditSilent(): void {
    const now = this.#deps.now();
    const silent: Hub[] = [];
    for (const hub of this.#hubs.values()) {
      const limit = hub.isActive ? ACTIVE_SILENCE_MS : IDLE_SILENCE_MS;
      if (now - hub.heardAtMs >= limit) silent.push(hub);
    }
    if (silent.length > 0) this.audit(silent);
  }

  async #runAudits(): Promise<void> {
    this.#isAuditing = true;
    while (this.#wanted.size > 0 && !this.#isClosed) {
      const batch = [...this.#wanted].slice(0, AUDIT_BATCH);
      for (const hub of batch) this.#wanted.delete(hub);
      const heads = await this.#deps.retry(
        async () => this.#deps.log.heads(batch.map((hub) => hub.sessionId)),
        () => !this.#isClosed,
      );
      for (const [index, head] of (heads ?? []).entries()) {
        const found = batch[index]?.onHead(head) ?? 'closed';
        metrics.feedAudits.inc({ found });
      }
    }
    this.#isAuditing = false;
  }
}
