// One hub per watched session and gateway: takes the session's live messages and hands them to its followers.
// It sees that the messages are without a hole and reads the log where they are not, once for all followers.
// It never decides what a follower has: each follower filters by its own offset.
import type { Position, SessionId } from '@holdfast/shared/protocol';
import { metrics } from '@holdfast/shared/runtime';
import { splitPublishBody, type EventLog, type LogHead } from '@holdfast/shared/store';
import { batchOfFrames, EventBatch } from './event-batch.ts';
import { observeDelivery } from './observe-delivery.ts';

/** One who follows a session. */
export interface HubFollower {
  /** Consecutive events; may be older than what the follower has, or leave a hole. */
  deliver(batch: EventBatch): void;
  /** Something happened that only the log can tell: go on from there. */
  readAgain(): void;
  /** The session does not exist any more. */
  gone(): void;
}

export interface HubDeps {
  readonly log: EventLog;
  /** Retries work that Redis failed; resolves to undefined when the hub was closed meanwhile. */
  readonly retry: <T>(work: () => Promise<T>, isWanted: () => boolean) => Promise<T | undefined>;
  /** Asks for a look at the session's head soon. */
  readonly requestAudit: (hub: Hub) => void;
  readonly now: () => number;
}

const FILL_PAGE = 200;
/** The live path reads no event; the time of one in so many messages is looked at for the metrics. */
const SAMPLE_EVERY = 64;

export class Hub {
  readonly sessionId: SessionId;
  readonly followers = new Set<HubFollower>();
  /** Resolves when Redis has acknowledged the subscription. */
  ready: Promise<void> = Promise.resolve();
  /** Bytes of events seen so far. */
  bytes = 0;
  /** When something was last known for certain: a message or an audit. */
  heardAtMs: number;
  /** Whether a turn is probably running: then silence is looked into sooner. */
  isActive = true;
  #state: 'following' | 'filling' | 'closed' = 'following';
  readonly #deps: HubDeps;
  #epoch: string | undefined;
  #fence = 0;
  /** The last event handed out. */
  #top = 0;
  #messages = 0;
  /** While filling: where the hole ends, as far as known. */
  #fillTo = 0;

  constructor(sessionId: SessionId, deps: HubDeps) {
    this.sessionId = sessionId;
    this.#deps = deps;
    this.heardAtMs = deps.now();
  }

  close(): void {
    this.#state = 'closed';
  }

  /** Tells the hub where the log stands, if it does not know yet. */
  observe(epoch: string, head: number): void {
    if (this.#epoch !== undefined) return;
    this.#epoch = epoch;
    this.#top = head;
  }

  /**
   * Tells the hub that a follower takes live messages from this place on. Where the hub believed that more was
   * handed out, it goes back: what lies between may come again (Redis lost it, and its owner repairs that) or be
   * found by an audit, and those who have it already drop it.
   */
  followFrom(position: Position): void {
    const isBehind = position.epoch === this.#epoch && position.offset < this.#top;
    if (isBehind && this.#state === 'following') this.#top = position.offset;
  }

  onMessage(body: Buffer): void {
    if (this.#state === 'closed') return;
    const message = splitPublishBody(body);
    if (message === undefined) {
      this.#deps.requestAudit(this);
      return;
    }
    const { epoch, fence, first, count } = message.header;
    if (fence < this.#fence) return;
    this.heardAtMs = this.#deps.now();
    this.isActive = true;
    this.#fence = fence;
    const last = first + count - 1;
    if (epoch !== this.#epoch) this.#start(epoch, first - 1);
    if (this.#state === 'filling' || first > this.#top + 1) {
      this.#fillUpTo(last);
      return;
    }
    this.#top = Math.max(this.#top, last);
    this.#deliver(new EventBatch({ sessionId: this.sessionId, epoch, first, last }, message.frames));
    this.#messages += 1;
    if (this.#messages % SAMPLE_EVERY === 1) observeDelivery(message.frames, Date.now());
  }

  /** Takes the result of an audit; tells what it found. */
  onHead(head: LogHead | null): 'closed' | 'gone' | 'epoch' | 'behind' | 'nothing' {
    if (this.#state === 'closed') return 'closed';
    if (head === null) {
      for (const follower of this.followers) follower.gone();
      return 'gone';
    }
    this.heardAtMs = this.#deps.now();
    this.isActive = head.sessionStatus !== 'idle' && head.sessionStatus !== 'paused';
    if (head.epoch !== this.#epoch) {
      this.#start(head.epoch, head.head);
      for (const follower of this.followers) follower.readAgain();
      return 'epoch';
    }
    if (head.head <= this.#top) return 'nothing';
    this.#fillUpTo(head.head);
    return 'behind';
  }

  #start(epoch: string, top: number): void {
    this.#epoch = epoch;
    this.#top = top;
    this.#fillTo = top;
  }

  #deliver(batch: EventBatch): void {
    this.bytes += batch.bytes;
    for (const follower of this.followers) follower.deliver(batch);
  }

  #fillUpTo(last: number): void {
    this.#fillTo = Math.max(this.#fillTo, last);
    if (this.#state !== 'following') return;
    this.#state = 'filling';
    metrics.feedGaps.inc();
    void this.#fill();
  }

  async #fill(): Promise<void> {
    while (this.#isFilling() && this.#top < this.#fillTo && this.#epoch !== undefined) {
      const { sessionId } = this;
      const position = { epoch: this.#epoch, offset: this.#top };
      const page = await this.#deps.retry(
        // Not a plain read: only this tells that the log is still of the epoch that the followers are in.
        async () => this.#deps.log.resume({ sessionId, userId: null, position, limit: FILL_PAGE }),
        () => this.#isFilling(),
      );
      if (!this.#isFilling() || page === undefined) return;
      if (position.epoch !== this.#epoch) continue;
      if (page.status !== 'continue' || page.frames.length === 0) {
        this.#giveUpFilling();
        break;
      }
      this.#top += page.frames.length;
      this.#deliver(batchOfFrames({ sessionId, epoch: page.epoch, first: position.offset + 1 }, page.frames));
    }
    if (this.#isFilling()) this.#state = 'following';
  }

  /** Trimmed, lost, or of another epoch: each follower asks for what it needs, and may get a snapshot. */
  #giveUpFilling(): void {
    this.#top = this.#fillTo;
    for (const follower of this.followers) follower.readAgain();
  }

  #isFilling(): boolean {
    return this.#state === 'filling';
  }
}
