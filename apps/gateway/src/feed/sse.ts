// A follower's events as Server-Sent Events. Ids are positions, so `Last-Event-ID` resumes; comments have none.
import type { ServerResponse } from 'node:http';
import { formatPosition, type Position } from '@holdfast/shared/protocol';
import type { EventBatch } from './event-batch.ts';
import type { FollowerSink } from './follower.ts';
import { resetFrame, type ResetMessage } from './reset-frame.ts';

export class SseSink implements FollowerSink {
  readonly #response: ServerResponse;
  readonly #end: () => void;

  /** `end` is called when the stream is over from our side. */
  constructor(response: ServerResponse, end: () => void) {
    this.#response = response;
    this.#end = end;
  }

  bufferedBytes(): number {
    return this.#response.writableLength;
  }

  sendEvents(batch: EventBatch): void {
    this.#response.write(batch.sse());
  }

  sendReset(reset: ResetMessage): void {
    const id = formatPosition(reset.position);
    this.#response.write(`event: reset\nid: ${id}\ndata: ${resetFrame(reset)}\n\n`);
  }

  sendCaughtUp(position: Position): void {
    this.#response.write(`event: caughtUp\ndata: ${JSON.stringify({ position })}\n\n`);
  }

  onGone(): void {
    this.#end();
  }

  onHopeless(): void {
    this.#end();
  }
}
