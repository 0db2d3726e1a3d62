// One client following one session: replays the log from its position, then passes live messages on, and goes
// back to the log whenever live messages are not enough (a hole, another epoch, a connection that was full).
// What it has sent is always offsets 1 apart; where that is impossible it says `reset` first.
import {
  ServiceError,
  type Position,
  type SessionId,
  type SessionStatus,
  type UserId,
} from '@holdfast/shared/protocol';
import type { EventLog, ResumeResult } from '@holdfast/shared/store';
import { stored } from '../sessions/storage.ts';
import type { Slots } from '../limits/slots.ts';
import type { DrainWatch } from './drain-watch.ts';
import { batchOfFrames, EventBatch } from './event-batch.ts';
import {
  judgeLag,
  MAX_LAG_MS,
  nextFollowerState,
  type FollowerEvent,
  type FollowerState,
} from './follower-state.ts';
import type { Hub, HubFollower } from './hub.ts';
import type { Hubs } from './hubs.ts';
import { mergeDeltas } from './merge-deltas.ts';
import type { ResetMessage } from './reset-frame.ts';
import type { Retry } from './retry.ts';

/** A connection with more than this waiting to be sent gets nothing further; the log is its buffer. */
const FULL_BYTES = 64 * 1024;
/** A connection is filled again when this little is waiting. */
const ROOM_BYTES = 16 * 1024;
const PAGE_EVENTS = 200;
const PAGE_BYTES = 256 * 1024;

/** Where a follower's events go: a WebSocket or an SSE response. */
export interface FollowerSink {
  /** Bytes accepted but not yet given to the network. */
  bufferedBytes(): number;
  sendEvents(batch: EventBatch): void;
  sendReset(reset: ResetMessage): void;
  sendCaughtUp(position: Position): void;
  /** The session was deleted. The follower has stopped. */
  onGone(): void;
  /** The connection can't keep up. The follower has stopped. */
  onHopeless(): void;
}

/** What an attach is answered with. */
export interface AttachAnswer {
  readonly position: Position;
  readonly status: SessionStatus;
}

export interface FollowerDeps {
  readonly hubs: Hubs;
  readonly log: EventLog;
  readonly replaySlots: Slots;
  readonly drains: DrainWatch;
  readonly retry: Retry;
  readonly now: () => number;
}

type Resumed = Exclude<ResumeResult, { status: 'not_found' }>;

export class Follower implements HubFollower {
  readonly sessionId: SessionId;
  readonly #deps: FollowerDeps;
  readonly #sink: FollowerSink;
  #state: FollowerState = { kind: 'replaying' };
  #hub: Hub | undefined;
  /** The last event sent; null before the first answer of a client without position. */
  #position: Position | null;
  /** The newest message since the read under way began; what it has not seen makes another read necessary. */
  #newest: Position | null = null;
  /** A read is under way, from the first one on: two would send the same events twice. */
  #isReading = true;
  #isAnswered = false;
  #isGone = false;
  #saidCaughtUp = false;

  constructor(
    deps: FollowerDeps,
    input: { sessionId: SessionId; position: Position | null; sink: FollowerSink },
  ) {
    this.#deps = deps;
    this.sessionId = input.sessionId;
    this.#position = input.position;
    this.#sink = input.sink;
  }

  /**
   * Joins the session's hub and reads the first page; `onAnswer` is called before anything is sent.
   * The caller was checked before: nothing is subscribed for strangers. With a `userId` the first read checks once more
   * that it is the owner's.
   * Throws ServiceError (`not_attached` when closed meanwhile); the follower has stopped then.
   */
  async start(userId: UserId | null, onAnswer: (answer: AttachAnswer) => void): Promise<void> {
    try {
      const hub = await this.#deps.hubs.join(this.sessionId, this);
      this.#hub = hub;
      const first = await this.#deps.replaySlots.run(async () => stored(async () => this.#read(userId)));
      if (first.status === 'not_found' || this.#isGone) throw new ServiceError('session_not_found');
      if (this.#isClosed()) throw new ServiceError('not_attached');
      this.#isAnswered = true;
      onAnswer({ position: { epoch: first.epoch, offset: first.head }, status: first.sessionStatus });
      hub.observe(first.epoch, first.head);
      this.#take(first);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#isReading = false;
    this.#readOn();
  }

  close(): void {
    this.#on({ kind: 'closed' });
    this.#leave();
  }

  get state(): FollowerState['kind'] {
    return this.#state.kind;
  }

  deliver(batch: EventBatch): void {
    if (this.#state.kind !== 'live') {
      this.#newest = { epoch: batch.epoch, offset: batch.last };
      return;
    }
    const at = this.#position;
    if (at === null || batch.epoch !== at.epoch) return this.readAgain();
    if (batch.last <= at.offset) return;
    if (batch.first !== at.offset + 1) return this.readAgain();
    if (this.#sink.bufferedBytes() > FULL_BYTES) {
      this.#on({ kind: 'connection_full', nowMs: this.#deps.now(), hubBytes: this.#hub?.bytes ?? 0 });
      return this.#readOn();
    }
    this.#position = { epoch: at.epoch, offset: batch.last };
    this.#sink.sendEvents(batch);
  }

  readAgain(): void {
    this.#newest = { epoch: '', offset: 0 };
    this.#on({ kind: 'hole_seen' });
    this.#readOn();
  }

  gone(): void {
    if (this.#isClosed()) return;
    this.#isGone = true;
    this.close();
    if (this.#isAnswered) this.#sink.onGone();
  }

  /** Whether a message came that the last read may not have seen. */
  #hasMissed(position: Position): boolean {
    const newest = this.#newest;
    return newest !== null && (newest.epoch !== position.epoch || newest.offset > position.offset);
  }

  /** Reads pages until the head is reached; one such loop at a time. */
  #readOn(): void {
    if (this.#isReading || this.#state.kind === 'live' || this.#isClosed()) return;
    this.#isReading = true;
    void this.#readToHead().finally(() => {
      this.#isReading = false;
      this.#readOn();
    });
  }

  async #readToHead(): Promise<void> {
    while (!this.#isClosed() && this.#state.kind !== 'live') {
      if (!(await this.#waitForRoom())) return;
      this.#newest = null;
      const page = await this.#deps.retry(
        async () => this.#deps.replaySlots.run(async () => this.#read(null)),
        () => !this.#isClosed(),
      );
      if (page === undefined || this.#isClosed()) return;
      if (page.status === 'not_found') return this.gone();
      this.#take(page);
    }
  }

  async #read(userId: UserId | null): Promise<ResumeResult> {
    const { sessionId } = this;
    return this.#deps.log.resume({
      sessionId,
      userId,
      position: this.#position,
      limit: PAGE_EVENTS,
      maxBytes: PAGE_BYTES,
    });
  }

  /** Sends a page, and goes live in the same tick if nothing is left to read. */
  #take(page: Resumed): void {
    let offset = this.#position?.offset ?? 0;
    if (page.status === 'reset') {
      offset = page.snapshotOffset;
      const position = { epoch: page.epoch, offset };
      this.#saidCaughtUp = false;
      const { sessionId } = this;
      this.#sink.sendReset({ sessionId, reason: page.reason, position, snapshotJson: page.snapshot });
    }
    const batch = this.#batchOf(page, offset);
    offset += page.frames.length;
    this.#position = { epoch: page.epoch, offset };
    if (batch !== undefined) {
      this.#sink.sendEvents(batch);
      this.#on({ kind: 'page_sent', bytes: batch.bytes });
    }
    if (offset < page.head || this.#hasMissed(this.#position)) return;
    this.#on({ kind: 'head_reached' });
    this.#hub?.followFrom(this.#position);
    if (this.#saidCaughtUp) return;
    this.#saidCaughtUp = true;
    this.#sink.sendCaughtUp(this.#position);
  }

  #batchOf(page: Resumed, after: number): EventBatch | undefined {
    if (page.frames.length === 0) return undefined;
    const place = { sessionId: this.sessionId, epoch: page.epoch, first: after + 1 };
    const batch = batchOfFrames(place, page.frames);
    if (this.#state.kind !== 'lagging') return batch;
    const merged = Buffer.from(`[${mergeDeltas(page.frames).join(',')}]`);
    return new EventBatch({ ...place, last: batch.last }, merged, batch.bytes);
  }

  /** False when the connection is hopeless, or closed. */
  async #waitForRoom(): Promise<boolean> {
    const startedMs = this.#deps.now();
    let hopeless = false;
    const hasRoom = (): boolean => {
      if (this.#isClosed() || this.#sink.bufferedBytes() <= ROOM_BYTES) return true;
      hopeless = this.#isHopeless(startedMs);
      return hopeless;
    };
    if (!hasRoom()) await this.#deps.drains.wait({ hasRoom });
    if (this.#isClosed()) return false;
    if (!hopeless) return true;
    this.close();
    this.#sink.onHopeless();
    return false;
  }

  #isHopeless(waitingSinceMs: number): boolean {
    const nowMs = this.#deps.now();
    if (this.#state.kind !== 'lagging') return nowMs - waitingSinceMs > MAX_LAG_MS;
    const verdict = judgeLag(this.#state.lag, { nowMs, hubBytes: this.#hub?.bytes ?? 0 });
    this.#state = { kind: 'lagging', lag: verdict.lag };
    return verdict.hopeless;
  }

  #on(event: FollowerEvent): void {
    this.#state = nextFollowerState(this.#state, event);
  }

  #isClosed(): boolean {
    return this.#state.kind === 'closed';
  }

  #leave(): void {
    const hub = this.#hub;
    this.#hub = undefined;
    if (hub !== undefined) this.#deps.hubs.leave(hub, this);
  }
}
