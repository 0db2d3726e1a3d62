// One client connection: upgrade, greeting, frames. What it hears goes to its listener until it is let go.
import { connect, type Socket } from 'node:net';
import type { ClientSession, Dialect, Heard } from './dialects.ts';
import { SseReader } from './sse-reader.ts';
import { FrameReader, pongFrame, textFrame, type FrameHandlers } from './ws-frames.ts';

export interface ConnectionListener {
  /** The upgrade is done. */
  onOpen(): void;
  onText(text: string, heard: Heard): void;
  /** Ended by the other side, or never connected. */
  onLost(): void;
}

/** Where to connect to; clients come from several loopback addresses, so that ports do not run out. */
export interface Target {
  readonly port: number;
  readonly localAddress: string;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

export class Connection implements FrameHandlers {
  readonly #socket: Socket;
  readonly #session: ClientSession;
  readonly #dialect: Dialect;
  readonly #reader: { push(chunk: Buffer, on: FrameHandlers): void };
  #listener: ConnectionListener | undefined;
  #isOpen = false;

  constructor(
    to: Target & { readonly dialect: Dialect },
    session: ClientSession,
    listener: ConnectionListener,
  ) {
    this.#session = session;
    this.#dialect = to.dialect;
    this.#reader = to.dialect.transport === 'sse' ? new SseReader() : new FrameReader();
    this.#listener = listener;
    this.#socket = connect({
      host: '127.0.0.1',
      port: to.port,
      localAddress: to.localAddress,
      noDelay: true,
    });
    this.#socket.on('connect', () => this.#socket.write(requestHead(to.dialect, session)));
    this.#socket.on('data', (chunk) => this.#onData(chunk));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#listener?.onLost());
  }

  /** Ends the connection at once, as a network that is gone. */
  cut(): void {
    this.#listener = undefined;
    this.#socket.resetAndDestroy();
  }

  /** Leaves it half-open: the other side is not told, and nothing is read any more. */
  abandon(): void {
    this.#listener = undefined;
    this.#socket.pause();
  }

  onText(text: string): void {
    const heard = this.#dialect.hear(text, this.#session);
    if (typeof heard === 'object') this.#socket.write(textFrame(heard.reply));
    this.#listener?.onText(text, heard);
  }

  onPing(payload: Buffer): void {
    this.#socket.write(pongFrame(payload));
  }

  onClose(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    if (this.#listener === undefined) return;
    if (this.#isOpen) return this.#reader.push(chunk, this);
    // The answer to an upgrade is small and comes in one piece over loopback.
    const end = chunk.indexOf(END_OF_HEAD);
    const wanted = this.#dialect.transport === 'sse' ? OK : SWITCHING;
    if (end === -1 || !chunk.subarray(0, 12).equals(wanted)) return void this.#socket.destroy();
    this.#isOpen = true;
    const greeting = this.#dialect.greeting(this.#session).map(textFrame);
    if (greeting.length > 0) this.#socket.write(Buffer.concat(greeting));
    this.#listener.onOpen();
    this.#reader.push(chunk.subarray(end + END_OF_HEAD.length), this);
  }
}

const SWITCHING = Buffer.from('HTTP/1.1 101');
const OK = Buffer.from('HTTP/1.1 200');

const UPGRADE = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'aG9sZGZhc3QgYmVuY2htYQ==',
  'Sec-WebSocket-Version': '13',
};

function requestHead(dialect: Dialect, session: ClientSession): string {
  const isSse = dialect.transport === 'sse';
  const headers = {
    Host: '127.0.0.1',
    ...(isSse ? { Accept: 'text/event-stream' } : UPGRADE),
    ...dialect.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${dialect.path(session)} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}
