// What goes out on one WebSocket. Events are bounded by their followers, which look at `bufferedBytes`; answers
// are bounded here: a peer that asks without ever reading is closed.
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { ServerFrame } from '@holdfast/shared/protocol';
import { textFrame } from './text-frame.ts';

/** Answers to a peer that does not read pile up to this, then the connection is closed. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** An unmasked ping without a payload, as it is on the wire. */
const PING = Buffer.from([0x89, 0x00]);
/** A peer that does not answer the close frame is cut off after this; a slow one must first read what was sent. */
const CLOSE_GRACE_MS = 2_000;
const SLOW_CLOSE_GRACE_MS = 10_000;

export class Outbox {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #onOverflow: () => void;
  #isCorked = false;

  /** `stream` is what `socket` writes to. */
  constructor(socket: WebSocket, stream: Duplex, onOverflow: () => void) {
    this.#socket = socket;
    this.#stream = stream;
    this.#onOverflow = onOverflow;
  }

  bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: ServerFrame): void {
    this.sendText(JSON.stringify(frame));
  }

  /** Sends a frame that is JSON text already. What follows in the same tick goes out in the same write. */
  sendText(text: string): void {
    if (!this.#canSend()) return;
    this.#corkForThisTick();
    this.#stream.write(textFrame([Buffer.from(text)]));
  }

  /** Sends a whole encoded frame. Past the library's own queue, which is only there for compression. */
  sendEncoded(frame: Buffer): void {
    if (this.#canSend()) this.#stream.write(frame);
  }

  ping(): void {
    this.sendEncoded(PING);
  }

  /** Closes with a code and a short reason; the connection is cut if the peer does not follow. */
  close(code: number, reason: string): void {
    const graceMs = this.#socket.bufferedAmount > 0 ? SLOW_CLOSE_GRACE_MS : CLOSE_GRACE_MS;
    this.#socket.close(code, reason);
    setTimeout(() => this.#socket.terminate(), graceMs).unref();
  }

  #canSend(): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    if (this.#socket.bufferedAmount <= MAX_BUFFERED_BYTES) return true;
    this.#onOverflow();
    return false;
  }

  /** An attach is answered by three frames at once: one write for them is most of what a reconnect storm saves. */
  #corkForThisTick(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#stream.uncork();
    });
  }
}
