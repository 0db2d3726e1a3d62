// Everything that shares one connection: the table of requests, and one feed for each attached session.
import type { ServerFrame } from '@holdfast/shared/protocol';
import { Connection, type ConnectionOptions } from './connection.ts';
import type { ConnectionStatus } from './connection-status.ts';
import { finalError, type HoldfastError } from './errors.ts';
import { Feed, type FeedOptions } from './feed.ts';
import type { Observable } from './observable.ts';
import { RequestTable, type Ack, type RequestFrame } from './requests.ts';

export class Multiplexer {
  readonly #options: ConnectionOptions;
  readonly #connection: Connection;
  readonly #requests: RequestTable;
  readonly #feeds = new Map<string, Feed>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#connection = new Connection(options, {
      onReady: () => this.#onReady(),
      onLost: () => this.#onLost(),
      onClosed: (code) => this.#onClosed(code),
      onFrame: (frame) => this.#onFrame(frame),
      isAwaitingAnswer: () => this.#requests.isAwaitingAnswer,
    });
    this.#requests = new RequestTable(this.#connection, options.clock);
  }

  get status(): Observable<ConnectionStatus> {
    return this.#connection.status;
  }

  start(): void {
    this.#connection.start();
  }

  stop(): void {
    this.#connection.stop();
  }

  async request(
    frame: RequestFrame,
    options: { readonly isRepeatable: boolean; readonly deadlineMs: number },
  ): Promise<Ack> {
    this.#refuseClosed();
    const answer = this.#requests.request(frame, options);
    this.#connection.start();
    return answer;
  }

  isAttached(sessionId: string): boolean {
    return this.#feeds.has(sessionId);
  }

  /**
   * Attaches; the session must not be attached here already. `end` of the result ends it.
   * Throws {@link HoldfastError} when the connection is closed for good.
   */
  attach(options: Pick<FeedOptions, 'sessionId' | 'from' | 'sink'>): AttachedFeed {
    this.#refuseClosed();
    const { clock, random, onDiagnostic } = this.#options;
    const forget = (): void => {
      if (this.#feeds.get(feed.sessionId) === feed) this.#feeds.delete(feed.sessionId);
    };
    const sink = {
      ...options.sink,
      onEnd: (error: HoldfastError) => {
        forget();
        options.sink.onEnd(error);
      },
    };
    const feed = new Feed({ ...options, sink, clock, random, onDiagnostic, link: this.#connection });
    this.#feeds.set(feed.sessionId, feed);
    this.#connection.start();
    feed.onReady();
    return {
      pause: () => feed.pause(),
      resume: () => feed.resume(),
      end: () => {
        forget();
        feed.end();
      },
    };
  }

  #refuseClosed(): void {
    const status = this.#connection.status.getSnapshot();
    if (status.kind === 'closed') throw finalError(status.code);
  }

  #onReady(): void {
    for (const feed of this.#feeds.values()) feed.onReady();
    this.#requests.onReady();
  }

  #onLost(): void {
    for (const feed of this.#feeds.values()) feed.onLost();
    this.#requests.onLost();
  }

  #onClosed(code: string): void {
    const error = finalError(code);
    for (const feed of this.#feeds.values()) feed.end(error);
    this.#requests.onClosed(error);
  }

  #onFrame(frame: ServerFrame): void {
    if (this.#requests.onFrame(frame)) return;
    if (frame.type === 'error') for (const feed of this.#feedsOf(frame)) feed.onFrame(frame);
    else if ('sessionId' in frame && frame.type !== 'ack') this.#feeds.get(frame.sessionId)?.onFrame(frame);
  }

  /** An error names its session, or only the request it answers: each feed knows its own. */
  #feedsOf(frame: Extract<ServerFrame, { type: 'error' }>): readonly Feed[] {
    if (frame.sessionId !== undefined) {
      const feed = this.#feeds.get(frame.sessionId);
      return feed === undefined ? [] : [feed];
    }
    return frame.requestId === undefined ? [] : [...this.#feeds.values()];
  }
}

export interface AttachedFeed {
  readonly pause: () => void;
  readonly resume: () => void;
  readonly end: () => void;
}
