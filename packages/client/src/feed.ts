// One attachment to one session: attaches from its position, applies each event at most once, attaches again
// after a reconnect or a gap, and passes on what it takes.
import {
  mintId,
  RequestId,
  type Position,
  type ResetReason,
  type ServerFrame,
  type SessionEvent,
  type SessionId,
  type SessionView,
  type ClientFrameInput,
} from '@holdfast/shared/protocol';
import { fullJitterBackoff } from '@holdfast/shared/util';
import type { Clock } from './clock.ts';
import type { Diagnostic } from './connection.ts';
import { HoldfastError } from './errors.ts';
import { acceptBatch, type EventCursor } from './event-cursor.ts';

/** One thing a reader of a session is told, in order. */
export type SessionItem =
  /** `position` is the place after this event: what to save in order to resume. `live`: it happened after the replay. */
  | {
      readonly kind: 'event';
      readonly event: SessionEvent;
      readonly position: Position;
      readonly live: boolean;
    }
  /** What was read before no longer leads here (`new`: nothing was read before): start over from the snapshot. */
  | {
      readonly kind: 'reset';
      readonly reason: ResetReason;
      readonly position: Position;
      readonly snapshot: SessionView;
    }
  /** The replay is over: what follows happens now. Said again after each reconnect. */
  | { readonly kind: 'caught_up'; readonly position: Position };

/** Where to begin: a saved position, the first event there is, or a snapshot of the present. */
export type From = Position | 'start' | 'snapshot';

export interface FeedSink {
  /** What one frame brought, in order; never empty. */
  readonly onItems: (items: readonly SessionItem[]) => void;
  readonly onState: (state: FeedPhase) => void;
  /** The session can not be read (any more): `session_not_found`, … Nothing comes after this. */
  readonly onEnd: (error: HoldfastError) => void;
}

/** What a feed needs of the connection it shares. */
export interface FeedLink {
  readonly isReady: boolean;
  send(frame: ClientFrameInput): void;
  /** Gives the socket up: the way out when the other side does not make sense. */
  abandon(): void;
}

export type FeedPhase = 'detached' | 'attaching' | 'replaying' | 'live' | 'paused' | 'ended';
type State =
  | { readonly kind: Exclude<FeedPhase, 'attaching'> }
  | { readonly kind: 'attaching'; readonly requestId: RequestId };

const ATTACH_DEADLINE_MS = 15_000;
/** Attaching again without having read anything new in between: this often before the socket is given up. */
const MAX_FRUITLESS = 2;

export interface FeedOptions {
  readonly sessionId: SessionId;
  readonly from: From;
  readonly link: FeedLink;
  readonly clock: Clock;
  readonly random: () => number;
  readonly sink: FeedSink;
  readonly onDiagnostic: (diagnostic: Diagnostic) => void;
}

type SessionFrame = Extract<
  ServerFrame,
  { readonly type: 'attached' | 'reset' | 'events' | 'caughtUp' | 'error' }
>;

export class Feed {
  readonly sessionId: SessionId;
  readonly #options: FeedOptions;
  #state: State = { kind: 'detached' };
  #cursor: EventCursor;
  /** True until the epoch is known and the log can be asked for from its first event. */
  #wantsStart: boolean;
  #fruitless = 0;
  #retries = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.sessionId = options.sessionId;
    this.#cursor = typeof options.from === 'string' ? null : options.from;
    this.#wantsStart = options.from === 'start';
  }

  get position(): Position | null {
    return this.#cursor;
  }

  #attach(): void {
    if (this.#state.kind === 'ended' || !this.#options.link.isReady) return;
    const requestId = RequestId.parse(mintId());
    const frame = { type: 'attach' as const, requestId, sessionId: this.sessionId };
    this.#to({ kind: 'attaching', requestId });
    this.#arm(ATTACH_DEADLINE_MS, () => this.#options.link.abandon());
    this.#options.link.send(this.#cursor === null ? frame : { ...frame, position: this.#cursor });
  }

  /** The connection can be used: attaches, unless that was done or the feed is paused. */
  onReady(): void {
    if (this.#state.kind === 'detached') this.#attach();
  }

  onLost(): void {
    this.#disarm();
    if (this.#state.kind !== 'ended' && this.#state.kind !== 'paused') this.#to({ kind: 'detached' });
  }

  /** Stops reading until {@link resume}: the log is the buffer. */
  pause(): void {
    if (this.#state.kind === 'ended' || this.#state.kind === 'paused') return;
    this.#detach();
    this.#to({ kind: 'paused' });
  }

  resume(): void {
    if (this.#state.kind !== 'paused') return;
    this.#to({ kind: 'detached' });
    this.#attach();
  }

  /** Ends the attachment for good. */
  end(error?: HoldfastError): void {
    if (this.#state.kind === 'ended') return;
    this.#detach();
    this.#to({ kind: 'ended' });
    if (error !== undefined) this.#options.sink.onEnd(error);
  }

  onFrame(frame: SessionFrame): void {
    if (this.#state.kind === 'attaching') {
      // Frames of an attachment given up may still be under way: only the answer to this attach begins it.
      const { requestId } = this.#state;
      if (frame.type === 'attached' && frame.requestId === requestId) this.#onAttached(frame.position);
      if (frame.type === 'error' && frame.requestId === requestId) this.#onError(new HoldfastError(frame));
      return;
    }
    if (this.#state.kind !== 'replaying' && this.#state.kind !== 'live') return;
    if (frame.type === 'reset') this.#onReset(frame);
    else if (frame.type === 'events') this.#onEvents(frame.epoch, frame.events);
    else if (frame.type === 'caughtUp') this.#onCaughtUp(frame.position);
    else if (frame.type === 'error' && frame.requestId === undefined) this.#onError(new HoldfastError(frame));
  }

  #onAttached(head: Position): void {
    this.#disarm();
    if (this.#wantsStart) {
      this.#wantsStart = false;
      this.#cursor = { epoch: head.epoch, offset: 0 };
      this.#reattach();
      return;
    }
    this.#retries = 0;
    this.#to({ kind: 'replaying' });
  }

  #onReset(frame: Extract<SessionFrame, { type: 'reset' }>): void {
    const { reason, position, snapshot } = frame;
    this.#cursor = position;
    this.#fruitless = 0;
    this.#options.sink.onItems([{ kind: 'reset', reason, position, snapshot }]);
  }

  #onEvents(epoch: string, events: readonly SessionEvent[]): void {
    const batch = acceptBatch(this.#cursor, { epoch, events });
    if (batch.kind === 'epoch_changed') return this.#onFruitless();
    this.#cursor = batch.cursor;
    if (batch.events.length > 0) {
      this.#fruitless = 0;
      this.#pass(epoch, batch.events);
    }
    if (batch.kind === 'gap') this.#onFruitless();
  }

  #pass(epoch: string, events: readonly SessionEvent[]): void {
    const live = this.#state.kind === 'live';
    const items = events.map((event): SessionItem => {
      const position = { epoch, offset: event.upTo ?? event.offset };
      return { kind: 'event', event, position, live };
    });
    this.#options.sink.onItems(items);
  }

  #onCaughtUp(head: Position): void {
    const cursor = this.#cursor;
    if (cursor === null || cursor.epoch !== head.epoch || cursor.offset < head.offset) {
      return this.#onFruitless();
    }
    this.#to({ kind: 'live' });
    this.#options.sink.onItems([{ kind: 'caught_up', position: cursor }]);
  }

  /** Something is missing: read on from where we are, over a new socket if that keeps happening. */
  #onFruitless(): void {
    this.#options.onDiagnostic({
      kind: 'gap',
      sessionId: this.sessionId,
      offset: this.#cursor?.offset ?? 0,
    });
    this.#fruitless += 1;
    if (this.#fruitless > MAX_FRUITLESS) {
      this.#fruitless = 0;
      this.#options.link.abandon();
    } else this.#reattach();
  }

  #onError(error: HoldfastError): void {
    if (!error.retryable && error.code !== 'already_attached') {
      this.end(error);
      return;
    }
    this.#detach();
    this.#to({ kind: 'detached' });
    const { random } = this.#options;
    const delayMs = fullJitterBackoff({ attempt: this.#retries, baseMs: 500, capMs: 15_000, random });
    this.#retries += 1;
    this.#arm(delayMs, () => this.#attach());
  }

  #reattach(): void {
    this.#detach();
    this.#attach();
  }

  #detach(): void {
    this.#disarm();
    const { kind } = this.#state;
    if (kind !== 'attaching' && kind !== 'replaying' && kind !== 'live') return;
    const requestId = RequestId.parse(mintId());
    this.#options.link.send({ type: 'detach', requestId, sessionId: this.sessionId });
  }

  #to(state: State): void {
    this.#state = state;
    this.#options.sink.onState(state.kind);
  }

  #arm(delayMs: number, run: () => void): void {
    this.#disarm();
    this.#cancelTimer = this.#options.clock.schedule(delayMs, run);
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
