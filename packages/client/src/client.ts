// The client of one gateway address: one connection for everything, plus the HTTP calls.
import { CreateId, mintId, SessionId } from '@holdfast/shared/protocol';
import { PlatformWebSocket } from '#websocket';
import { systemClock, type Clock } from './clock.ts';
import type { ConnectionOptions, Diagnostic } from './connection.ts';
import type { ConnectionStatus } from './connection-status.ts';
import { localError } from './errors.ts';
import type { From } from './feed.ts';
import { HttpApi, type CreateOptions } from './http-api.ts';
import type { OpenFeed } from './item-stream.ts';
import { Multiplexer } from './multiplexer.ts';
import type { Observable } from './observable.ts';
import { newRequestId, Session } from './session.ts';
import type { Transport } from './transport.ts';
import { pageSignals, type WakeSignals } from './wake-signals.ts';
import { createWebSocketTransport } from './websocket-transport.ts';

export interface ClientOptions {
  /** Address of the gateway: `http://host:port` or `https://host`. */
  readonly url: string;
  /** Access token; leave it out in a page that logged in with a cookie. */
  readonly token?: string | undefined;
  /** Name and version of the program, shown in the gateway's log. */
  readonly clientName?: string;
  /** How long a call waits for its answer, reconnects included; default 30 s. */
  readonly requestDeadlineMs?: number;
  /** What would otherwise go unseen (frames of a newer service, gaps that were repaired). Silent by default. */
  readonly onDiagnostic?: (diagnostic: Diagnostic) => void;
  readonly createTransport?: () => Transport;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  /** Uniform in [0, 1): spreads reconnects. */
  readonly random?: () => number;
  readonly wakeSignals?: WakeSignals;
}

export class Client implements Disposable {
  /** Lists, inspect, delete, history: works without a connection. */
  readonly http: HttpApi;
  readonly #connectionOptions: ConnectionOptions;
  /** What logs in, shared by all connections. */
  readonly #access: { token: string | undefined };
  readonly #requestDeadlineMs: number;
  readonly #main: Multiplexer;
  readonly #extra = new Set<Multiplexer>();
  readonly #sessions = new Map<SessionId, Session>();

  constructor(options: ClientOptions) {
    const { url, token, fetch } = options;
    this.http = new HttpApi({ url, token, ...(fetch === undefined ? {} : { fetch }) });
    this.#requestDeadlineMs = options.requestDeadlineMs ?? 30_000;
    const access = { token };
    this.#access = access;
    this.#connectionOptions = {
      url: webSocketUrl(url),
      get token() {
        return access.token;
      },
      clientName: options.clientName ?? 'holdfast-client',
      createTransport: options.createTransport ?? (() => createWebSocketTransport(PlatformWebSocket)),
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      wakeSignals: options.wakeSignals ?? pageSignals,
      onDiagnostic: options.onDiagnostic ?? (() => undefined),
    };
    this.#main = new Multiplexer(this.#connectionOptions);
  }

  /** The state of the connection, as a store. */
  get connection(): Observable<ConnectionStatus> {
    return this.#main.status;
  }

  /** Starts connecting; every call does that too. Also the way back from `closed`. */
  connect(): void {
    this.#main.start();
  }

  /** Ends the connection and everything that waits on it (`client_closed`). */
  close(): void {
    for (const extra of this.#extra) extra.stop();
    this.#extra.clear();
    this.#main.stop();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Another access token of the same user, before the one in use ends: for the present connections and all that come.
   * Rejects with `refresh_refused`, and keeps the one in use then.
   */
  async refresh(token: string): Promise<void> {
    const before = this.#access.token;
    this.#access.token = token;
    this.http.useToken(token);
    const isOpen = this.#main.status.getSnapshot().kind === 'live';
    try {
      const connected = isOpen ? [this.#main, ...this.#extra] : [];
      const deadlineMs = this.#requestDeadlineMs;
      for (const one of connected) {
        const frame = { type: 'refresh' as const, requestId: newRequestId(), token };
        await one.request(frame, { isRepeatable: true, deadlineMs });
      }
    } catch (error) {
      this.#access.token = before;
      this.http.useToken(before);
      throw error;
    }
  }

  /** Creates a session; safe to repeat with the same `createId`, as happens after a lost connection. */
  async create(
    options: CreateOptions = {},
  ): Promise<{ readonly session: Session; readonly duplicate: boolean }> {
    const { createId = mintId(), ...rest } = options;
    const frame = {
      type: 'create' as const,
      requestId: newRequestId(),
      createId: CreateId.parse(createId),
      ...rest,
    };
    const deadlineMs = this.#requestDeadlineMs;
    const ack = await this.#main.request(frame, { isRepeatable: true, deadlineMs });
    if (ack.sessionId === undefined) throw localError('bad_response');
    return { session: this.session(ack.sessionId), duplicate: ack.duplicate ?? false };
  }

  /** A session by its id; the same object for the same id. Says nothing about whether it exists. */
  session(id: string): Session {
    const sessionId = SessionId.parse(id);
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) return known;
    const session = new Session({
      sessionId,
      main: this.#main,
      openFeed: (id, from) => this.#openFeed(id, from),
      requestDeadlineMs: this.#requestDeadlineMs,
    });
    this.#sessions.set(sessionId, session);
    return session;
  }

  /** A connection may be attached to a session once; a second reader gets a connection of its own. */
  #openFeed(sessionId: SessionId, from: From): OpenFeed {
    return (sink) => {
      if (!this.#main.isAttached(sessionId)) return this.#main.attach({ sessionId, from, sink });
      const extra = new Multiplexer(this.#connectionOptions);
      this.#extra.add(extra);
      const stop = (): void => {
        this.#extra.delete(extra);
        extra.stop();
      };
      const feed = extra.attach({
        sessionId,
        from,
        sink: {
          ...sink,
          onEnd: (error) => {
            sink.onEnd(error);
            stop();
          },
        },
      });
      return {
        ...feed,
        end: () => {
          feed.end();
          stop();
        },
      };
    };
  }
}

export function webSocketUrl(url: string): string {
  return `${url.replace(/\/+$/, '').replace(/^http/, 'ws')}/v1/ws`;
}
