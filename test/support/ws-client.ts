// A bare WebSocket client for conformance tests: it shows the wire as it is, and helps with nothing.
import { once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';
import { z } from 'zod';
import type { Position, SessionId } from '@holdfast/shared/protocol';
import { until } from './until.ts';

/** A frame as received: its fields are looked at by the tests. */
export type ReceivedFrame = { readonly type: string; readonly text: string } & Readonly<
  Record<string, unknown>
>;

/** An event as received; `upTo` only when deltas were merged. */
export type ReceivedEvent = {
  readonly offset: number;
  readonly upTo?: number;
  readonly type: string;
} & Readonly<Record<string, unknown>>;

export interface ConnectOptions {
  /** Left out: no hello is sent. */
  readonly token?: string;
  readonly protocols?: string[];
  readonly ws?: ClientOptions;
}

const Frame = z.looseObject({ type: z.string() });

/** Connects, and with a token also says hello and waits for the welcome. */
export async function connect(wsUrl: string, options: ConnectOptions = {}): Promise<TestClient> {
  const socket = new WebSocket(wsUrl, options.protocols ?? ['holdfast.v1'], options.ws ?? {});
  const client = new TestClient(socket);
  await once(socket, 'open');
  if (options.token !== undefined) {
    client.send({ type: 'hello', version: 1, token: options.token });
    await client.next('welcome');
  }
  return client;
}

export class TestClient implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly frames: ReceivedFrame[] = [];
  /** Resolves when the connection has ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #last = new Map<string, number>();
  #requests = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    // The listener is there before the first frame can come.
    socket.on('message', (data: Buffer) => {
      const text = data.toString('utf8');
      const frame: ReceivedFrame = { ...Frame.parse(JSON.parse(text)), text };
      this.frames.push(frame);
      const last = eventsOf(frame).at(-1);
      if (last !== undefined) this.#last.set(String(frame['sessionId']), last.upTo ?? last.offset);
    });
    socket.on('error', () => undefined);
    // `once` would reject on an error before the close.
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  send(frame: Readonly<Record<string, unknown>>): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The first frame of this type, waiting for it. */
  async next(type: string, limitMs?: number): Promise<ReceivedFrame> {
    return until(() => this.frames.find((frame) => frame.type === type), {
      what: `a frame of type ${type}`,
      ...(limitMs === undefined ? {} : { limitMs }),
    });
  }

  /** Sends a request and waits for its answer: `ack`, `attached` or `error`. */
  async request(frame: Readonly<Record<string, unknown>>): Promise<ReceivedFrame> {
    this.#requests += 1;
    const requestId = `r${this.#requests}`;
    this.send({ requestId, ...frame });
    const wanted = frame['requestId'] ?? requestId;
    return until(() => this.frames.find((found) => found['requestId'] === wanted), {
      what: `the answer to ${String(frame['type'])}`,
    });
  }

  /** Pings and waits for the pong: everything sent before has been read by then. */
  async ping(): Promise<void> {
    this.#requests += 1;
    const nonce = `n${this.#requests}`;
    this.send({ type: 'ping', nonce });
    await until(() => this.frames.some((frame) => frame['nonce'] === nonce), { what: 'the pong' });
  }

  /** Attaches and waits until caught up. */
  async attach(sessionId: SessionId, position?: Position): Promise<ReceivedFrame> {
    const answer = await this.request({
      type: 'attach',
      sessionId,
      ...(position === undefined ? {} : { position }),
    });
    if (answer.type === 'attached') {
      await until(() => this.framesOf(sessionId).some((frame) => frame.type === 'caughtUp'), {
        what: 'caughtUp',
      });
    }
    return answer;
  }

  /** Frames about one session, in order. */
  framesOf(sessionId: SessionId): ReceivedFrame[] {
    return this.frames.filter((frame) => frame['sessionId'] === sessionId);
  }

  /** All events of a session, in the order in which they came. */
  events(sessionId: SessionId): ReceivedEvent[] {
    return this.framesOf(sessionId).flatMap(
      (frame) => (frame.type === 'events' ? (frame['events'] as ReceivedEvent[]) : []), // checked by the tests that read them
    );
  }

  /** The last offset covered so far; 0 before the first event. */
  lastOffset(sessionId: SessionId): number {
    return this.#last.get(sessionId) ?? 0;
  }

  async untilOffset(sessionId: SessionId, offset: number, limitMs?: number): Promise<void> {
    await until(() => this.lastOffset(sessionId) >= offset, {
      what: `offset ${offset} (at ${this.lastOffset(sessionId)})`,
      ...(limitMs === undefined ? {} : { limitMs }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}

function eventsOf(frame: { readonly type: string } & Readonly<Record<string, unknown>>): ReceivedEvent[] {
  return frame.type === 'events' ? (frame['events'] as ReceivedEvent[]) : []; // checked by the tests that read them
}

/** Offsets covered by events, expanded; what must be first, first + 1, … without a hole or a repeat. */
export function coveredOffsets(events: readonly ReceivedEvent[]): number[] {
  return events.flatMap((event) => {
    const upTo = event.upTo ?? event.offset;
    return Array.from({ length: upTo - event.offset + 1 }, (_, index) => event.offset + index);
  });
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
