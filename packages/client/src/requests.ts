// Requests that await an answer: sent once connected, sent again after a reconnect where that is safe,
// rejected at their deadline.
import type { ClientFrameInput, ServerFrame } from '@holdfast/shared/protocol';
import { createDeferred, type Deferred } from '@holdfast/shared/util';
import type { Clock } from './clock.ts';
import { catalogueError, HoldfastError, localError } from './errors.ts';

export type Ack = Extract<ServerFrame, { readonly type: 'ack' }>;
export type RequestFrame = Extract<ClientFrameInput, { readonly requestId: unknown }>;

/** What the table needs of the connection. */
export interface RequestLink {
  readonly isReady: boolean;
  /** The gateway goes away soon: an answer may not come any more. */
  readonly isLeaving: boolean;
  readonly maxFrameBytes: number;
  send(frame: ClientFrameInput): void;
}

interface PendingRequest {
  readonly frame: RequestFrame;
  /** Whether sending it twice does it once: the frame names what it is about by an id of its own. */
  readonly isRepeatable: boolean;
  isSent: boolean;
  readonly answer: Deferred<Ack>;
  readonly cancelDeadline: () => void;
}

export class RequestTable {
  readonly #link: RequestLink;
  readonly #clock: Clock;
  readonly #pending = new Map<string, PendingRequest>();

  constructor(link: RequestLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  /** Resolves with the acknowledgement; rejects with {@link HoldfastError}. */
  async request(
    frame: RequestFrame,
    options: { readonly isRepeatable: boolean; readonly deadlineMs: number },
  ): Promise<Ack> {
    const bytes = new TextEncoder().encode(JSON.stringify(frame)).length;
    if (bytes > this.#link.maxFrameBytes) throw catalogueError('frame_too_large');
    const expire = (): void => this.#reject(frame.requestId, localError('deadline_exceeded'));
    const pending: PendingRequest = {
      frame,
      isRepeatable: options.isRepeatable,
      isSent: false,
      answer: createDeferred(),
      cancelDeadline: this.#clock.schedule(options.deadlineMs, expire),
    };
    this.#pending.set(frame.requestId, pending);
    // What can be sent once only waits for the next connection, rather than maybe being lost on this one.
    if (this.#link.isReady && (pending.isRepeatable || !this.#link.isLeaving)) this.#send(pending);
    return pending.answer.promise;
  }

  /** Something was sent that can not be sent again, and is not answered yet. */
  get isAwaitingAnswer(): boolean {
    return [...this.#pending.values()].some(({ isSent, isRepeatable }) => isSent && !isRepeatable);
  }

  onReady(): void {
    for (const pending of this.#pending.values()) this.#send(pending);
  }

  onLost(): void {
    for (const [requestId, pending] of this.#pending) {
      if (pending.isSent && !pending.isRepeatable) this.#reject(requestId, localError('connection_lost'));
    }
  }

  onClosed(error: HoldfastError): void {
    for (const requestId of this.#pending.keys()) this.#reject(requestId, error);
  }

  /** Settles the request this frame answers; false when it answers none of ours. */
  onFrame(frame: ServerFrame): boolean {
    if (frame.type !== 'ack' && frame.type !== 'error') return false;
    const pending = frame.requestId === undefined ? undefined : this.#pending.get(frame.requestId);
    if (pending === undefined) return false;
    if (frame.type === 'ack') {
      this.#forget(pending);
      pending.answer.resolve(frame);
    } else if (frame.code === 'going_away') {
      // Nothing was done: the request stays and goes out again on the next connection.
      pending.isSent = false;
    } else {
      this.#reject(pending.frame.requestId, new HoldfastError(frame));
    }
    return true;
  }

  #send(pending: PendingRequest): void {
    pending.isSent = true;
    this.#link.send(pending.frame);
  }

  #reject(requestId: string, error: HoldfastError): void {
    const pending = this.#pending.get(requestId);
    if (pending === undefined) return;
    this.#forget(pending);
    pending.answer.reject(error);
  }

  #forget(pending: PendingRequest): void {
    pending.cancelDeadline();
    this.#pending.delete(pending.frame.requestId);
  }
}
