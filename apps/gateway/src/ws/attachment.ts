// A connection's place at one session: the WebSocket form of what a follower sends.
import type { Position, SessionId } from '@holdfast/shared/protocol';
import type { EventBatch } from '../feed/event-batch.ts';
import type { FollowerSink } from '../feed/follower.ts';
import { resetFrame, type ResetMessage } from '../feed/reset-frame.ts';
import type { Outbox } from './outbox.ts';

export interface AttachmentEnd {
  onGone(sessionId: SessionId): void;
  onHopeless(sessionId: SessionId): void;
}

export class Attachment implements FollowerSink {
  readonly #sessionId: SessionId;
  readonly #outbox: Outbox;
  readonly #end: AttachmentEnd;

  constructor(sessionId: SessionId, outbox: Outbox, end: AttachmentEnd) {
    this.#sessionId = sessionId;
    this.#outbox = outbox;
    this.#end = end;
  }

  bufferedBytes(): number {
    return this.#outbox.bufferedBytes();
  }

  sendEvents(batch: EventBatch): void {
    this.#outbox.sendEncoded(batch.frame());
  }

  sendReset(reset: ResetMessage): void {
    this.#outbox.sendText(resetFrame(reset));
  }

  sendCaughtUp(position: Position): void {
    this.#outbox.send({ type: 'caughtUp', sessionId: this.#sessionId, position });
  }

  onGone(): void {
    this.#end.onGone(this.#sessionId);
  }

  onHopeless(): void {
    this.#end.onHopeless(this.#sessionId);
  }
}
