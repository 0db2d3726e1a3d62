// The one writer of a session's log: offsets, batches, one append in flight, repair after Redis lost a tail.
// It never drops an event and never blocks its callers; how much waits is told by `onPressure`.
import { setTimeout as pause } from 'node:timers/promises';
import {
  applyEvent,
  SNAPSHOT_LIMITS,
  statusOf,
  type EventBody,
  type SessionEvent,
  type SessionView,
} from '@holdfast/shared/protocol';
import { metrics, type Logger } from '@holdfast/shared/runtime';
import type { AppendEffects, AppendResult, EventLog, Ownership } from '@holdfast/shared/store';
import { assertNever, createDeferred, fullJitterBackoff, type Deferred } from '@holdfast/shared/util';
import { AppendQueue, mergeEffects, type Batch, type StoredBatch } from './append-queue.ts';
import { AppendRing } from './append-ring.ts';
import { EventMetrics } from './event-metrics.ts';
import { HISTORY_CAP_BYTES, planHistoryTrim } from './history-cap.ts';
import { SnapshotPolicy } from './snapshot-policy.ts';

export interface EventWriterDeps {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly owner: Ownership;
  /** The view at the head of the log. */
  readonly view: SessionView;
  readonly now: () => number;
  /** Bytes the history may hold; the product's cap by default. */
  readonly historyCapBytes?: number;
  /** Somebody else owns the session, or its log is gone or can't be repaired: nothing more will be written. */
  readonly onLost: (reason: 'fenced' | 'not_found' | 'unrepairable') => void;
  /** Whether so much waits that the source must pause. */
  readonly onPressure: (paused: boolean) => void;
}

/** Above this the child's stdout is not read any more; below the lower bound it is again. */
const PAUSE_CHARS = 512_000;
const RESUME_CHARS = 128_000;

/** Deltas that wait to be folded into the view. */
const MAX_UNFOLDED = 64;

/** What becomes of a batch. `given_up`: nothing more is written, nobody has to be told. */
type Fate = 'stored' | 'fenced' | 'not_found' | 'unrepairable' | 'given_up';

export class EventWriter {
  readonly #deps: EventWriterDeps;
  readonly #queue = new AppendQueue();
  readonly #metrics = new EventMetrics();
  readonly #ring = new AppendRing();
  readonly #policy: SnapshotPolicy;
  #view: SessionView;
  /** Events after `#view`, folded into it when somebody looks, or many at once: that costs a fraction for each. */
  #unfolded: SessionEvent[] = [];
  /** The offset of the last event that was handed to Redis. */
  #handed: number;
  #waiters: { after: number; deferred: Deferred<boolean> }[] = [];
  #pushed = 0;
  #taken = 0;
  #state: 'idle' | 'flushing' | 'lost' = 'idle';
  #isPaused = false;
  #isCompacting = false;
  #isTrimming = false;
  #stored: StoredFields;

  constructor(deps: EventWriterDeps) {
    this.#deps = deps;
    this.#view = deps.view;
    this.#handed = deps.view.offset;
    this.#policy = new SnapshotPolicy(deps.view.offset + 1);
    this.#stored = storedFields(deps.view);
  }

  /** The view after everything that was handed to Redis (it may still be in flight). */
  get view(): SessionView {
    for (const event of this.#unfolded) this.#view = applyEvent(this.#view, event, SNAPSHOT_LIMITS);
    this.#unfolded = [];
    return this.#view;
  }

  /** Adds events (one step of the log) with their effects. They are sent with what else came in this tick. */
  push(bodies: readonly EventBody[], effects?: AppendEffects): void {
    if (this.#state === 'lost' || bodies.length === 0) return;
    this.#queue.push({ bodies, at: this.#deps.now(), ...(effects === undefined ? {} : { effects }) });
    this.#pushed += 1;
    if (this.#state === 'idle') {
      this.#state = 'flushing';
      // After the promises of this tick: a prompt that is read and begun at once is one append.
      process.nextTick(() => void this.#flush());
    }
    this.#checkPressure();
  }

  /** The next batch stores a snapshot and trims the whole log behind it: the session is put to rest. */
  compact(): void {
    this.#isCompacting = true;
  }

  /** Resolves to true when everything pushed so far is in the log; to false when the session was lost. */
  async flushed(): Promise<boolean> {
    if (this.#state === 'lost') return false;
    if (this.#state === 'idle') return true;
    const deferred = createDeferred<boolean>();
    this.#waiters.push({ after: this.#pushed, deferred });
    return deferred.promise;
  }

  /**
   * After a reconnect: makes sure that Redis still has what we wrote, and appends it again where a tail is lost.
   * Sending the last batch once more answers both: it is a `duplicate`, or the gap is found.
   */
  async verify(): Promise<void> {
    const last = this.#ring.last();
    if (this.#state !== 'idle' || last === undefined) return; // an append in flight finds out by itself
    this.#state = 'flushing';
    const { ackSeq: _ackSeq, ...effects } = last.effects ?? {};
    const outcome = await this.#appendUntilStored({ ...last, effects });
    if (outcome === 'stored') await this.#flush();
    else this.#lose(outcome);
  }

  /**
   * Nothing more is written, from this moment on: what waits is dropped, and what is on its way is refused by Redis
   * since the lease that it was sent under is over.
   */
  giveUp(): void {
    this.#end();
  }

  async #flush(): Promise<void> {
    for (;;) {
      const batch = this.#queue.take(this.#handed + 1);
      if (batch === undefined) break;
      const complete = this.#complete(batch);
      const sentAt = performance.now();
      const outcome = await this.#appendUntilStored(complete);
      if (outcome !== 'stored') return this.#lose(outcome);
      metrics.appendSeconds.observe((performance.now() - sentAt) / 1_000);
      this.#metrics.stored(complete.events);
      if (this.#isLost()) return;
      this.#ring.add(complete);
      this.#checkPressure();
      this.#taken += batch.pushes;
      this.#wakeWaiters();
    }
    this.#state = 'idle';
  }

  /** Adds what follows from the batch: status fields, snapshot, trim. Mere deltas are not looked at further. */
  #complete(batch: Batch): Batch {
    this.#handed += batch.events.length;
    this.#unfolded.push(...batch.events);
    const decision = this.#policy.count({
      first: batch.first,
      events: batch.events.length,
      bytes: batch.frames.reduce((sum, frame) => sum + frame.length, 0),
      turnEnded: batch.events.some(
        (event) => event.type === 'turn_ended' || event.type === 'turn_interrupted',
      ),
    });
    const isStored = decision.snapshot || this.#isCompacting;
    const isPlain = !isStored && batch.events.every((event) => event.type === 'message_delta');
    if (isPlain && this.#unfolded.length < MAX_UNFOLDED) return batch;
    const { view } = this;
    const fields = storedFields(view);
    const changed = Object.entries(fields).filter(
      ([name, value]) => value !== this.#stored[name as keyof typeof fields],
    );
    this.#stored = fields;
    const meta =
      changed.length > 0 ? { ...Object.fromEntries(changed), updatedAt: view.updatedAt } : undefined;
    const trimBefore = this.#isCompacting ? view.offset + 1 : decision.trimBefore;
    this.#isCompacting = false;
    const added: AppendEffects = {
      ...(meta === undefined ? {} : { meta }),
      ...(isStored ? { snapshot: { offset: view.offset, json: JSON.stringify(view) } } : {}),
      ...(trimBefore === undefined ? {} : { trimBefore }),
    };
    if (Object.keys(added).length === 0) return batch;
    return { ...batch, effects: mergeEffects(batch.effects ?? {}, added) };
  }

  /** Sends a batch until Redis has it. Repeating it is safe: a batch that is stored already answers `duplicate`. */
  async #appendUntilStored(batch: StoredBatch): Promise<Fate> {
    for (let attempt = 0; ; attempt += 1) {
      if (this.#isLost()) return 'given_up';
      const result = await this.#tryAppend(batch);
      if (result === null || result.status === 'expired') {
        const delayMs = fullJitterBackoff({ attempt, baseMs: 20, capMs: 1_000, random: Math.random });
        await pause(delayMs + 5);
        continue;
      }
      switch (result.status) {
        case 'ok':
          if (result.historyBytes !== null) this.#capHistory(result.historyBytes);
          return 'stored';
        case 'duplicate':
          return 'stored';
        case 'fenced':
        case 'not_found':
          return result.status;
        case 'gap': {
          const repaired = await this.#repair(result.head, batch);
          if (repaired !== 'repaired') return repaired;
          break;
        }
        default:
          return assertNever(result);
      }
    }
  }

  /** A history over its cap loses its oldest part, with an event that says so. */
  #capHistory(historyBytes: number): void {
    const capBytes = this.#deps.historyCapBytes ?? HISTORY_CAP_BYTES;
    if (historyBytes <= capBytes || this.#isTrimming) return;
    this.#isTrimming = true;
    const { log, owner, logger } = this.#deps;
    void planHistoryTrim(log, { sessionId: owner.sessionId, historyBytes, capBytes })
      .then(async (trim) => {
        if (trim === null) return;
        this.push([{ type: 'history_trimmed', before: trim.before }], { trimHistory: trim });
        await this.flushed(); // until then the size that appends report is the old one
      })
      .catch((error: unknown) => logger.warn({ err: error }, 'the history could not be trimmed'))
      .finally(() => {
        this.#isTrimming = false;
      });
  }

  async #tryAppend(batch: StoredBatch): Promise<AppendResult | null> {
    try {
      return await this.#deps.log.append({
        owner: this.#deps.owner,
        first: batch.first,
        frames: batch.frames,
        effects: batch.effects,
      });
    } catch (error) {
      this.#deps.logger.warn({ err: error, first: batch.first }, 'an append failed and is sent again');
      return null;
    }
  }

  /** Redis lost what came after `head`: appends it again from the ring, same bytes at the same offsets. */
  async #repair(head: number, batch: StoredBatch): Promise<'repaired' | Fate> {
    const lost = head < batch.first ? this.#ring.after(head) : null;
    if (lost === null) {
      this.#deps.logger.error({ head, first: batch.first }, 'the log can not be repaired');
      return 'unrepairable';
    }
    this.#deps.logger.warn(
      { head, batches: lost.length },
      'redis lost a tail of the log: appending it again',
    );
    for (const old of lost) {
      // The inbox may have lost commands too and reuse their numbers: an old acknowledgement must not trim them.
      const { ackSeq: _ackSeq, ...effects } = old.effects ?? {};
      const result = await this.#tryAppend({ ...old, effects });
      // The next round of the append finds the new head.
      if (result === null || result.status === 'expired') return 'repaired';
      if (result.status === 'fenced' || result.status === 'not_found') return result.status;
      if (result.status === 'gap') return 'unrepairable';
    }
    return 'repaired';
  }

  #lose(reason: Exclude<Fate, 'stored'>): void {
    if (reason === 'given_up') return;
    this.#end();
    this.#deps.onLost(reason);
  }

  /** A separate function, so that the compiler does not believe the state of before an await. */
  #isLost(): boolean {
    return this.#state === 'lost';
  }

  #end(): void {
    this.#state = 'lost';
    for (const waiter of this.#waiters) waiter.deferred.resolve(false);
    this.#waiters = [];
  }

  #wakeWaiters(): void {
    const done = this.#waiters.filter((waiter) => waiter.after <= this.#taken);
    this.#waiters = this.#waiters.filter((waiter) => waiter.after > this.#taken);
    for (const waiter of done) waiter.deferred.resolve(true);
  }

  #checkPressure(): void {
    const waiting = this.#queue.waitingChars;
    const next = this.#isPaused ? waiting > RESUME_CHARS : waiting > PAUSE_CHARS;
    if (next === this.#isPaused) return;
    this.#isPaused = next;
    this.#deps.onPressure(next);
  }
}

interface StoredFields {
  readonly status: string;
  readonly turn: string;
  readonly title: string;
  readonly archived: string;
}

/** Fields of the meta hash that follow from the view: what lists and gateways read without folding events. */
function storedFields(view: SessionView): StoredFields {
  return {
    status: statusOf(view),
    turn: view.turn?.turnId ?? '',
    title: view.title ?? '',
    archived: view.archived ? '1' : '',
  };
}
