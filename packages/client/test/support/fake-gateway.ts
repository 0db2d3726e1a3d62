// A WebSocket server that speaks the protocol for the client under test: logs in memory, and faults on demand.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  applyEvent,
  ClientFrame,
  EMPTY_VIEW,
  lastOffsetOf,
  SNAPSHOT_LIMITS,
  statusOf,
  type Position,
  type SessionEvent,
  type SessionView,
} from '@holdfast/shared/protocol';
import { WebSocketServer } from 'ws';
import type { Transport } from '../../src/transport.ts';
import { MemoryWire, type FakeSocket } from './memory-wire.ts';
import { mergeDeltas, resetReason, sessionIdOf, type FakeLog } from './fake-log.ts';

export interface FakePeer {
  readonly socket: FakeSocket;
  readonly attached: Map<string, number>;
  readonly received: ClientFrame[];
}

/** What one frame from a client should lead to; `undefined`: the usual. */
export type Intercept = (frame: ClientFrame, peer: FakePeer) => 'swallow' | undefined;

export class FakeGateway {
  readonly logs = new Map<string, FakeLog>();
  readonly peers: FakePeer[] = [];
  /** Every frame of every connection, in order of arrival. */
  readonly received: ClientFrame[] = [];
  readonly prompts = new Set<string>();
  readonly creates = new Map<string, string>();
  token = 'test-token-0123456789';
  maxFrameBytes = 1_000_000;
  intercept: Intercept = () => undefined;
  /** Called after a new prompt was acknowledged: where a test lets the session answer. */
  onPrompt: (frame: Extract<ClientFrame, { type: 'prompt' }>) => void = () => undefined;
  #http: Server | undefined;
  #sockets: WebSocketServer | undefined;
  #port = 0;
  readonly #wire = new MemoryWire();

  async start(): Promise<this> {
    this.#http = createServer((request, response) => void this.#onRequest(request, response));
    this.#sockets = new WebSocketServer({ server: this.#http, path: '/v1/ws' });
    this.#sockets.on('connection', (socket) => {
      const receive = this.#accept(socket);
      socket.on('message', (data: Buffer) => receive(data.toString('utf8')));
    });
    this.#http.listen(this.#port, '127.0.0.1');
    await once(this.#http, 'listening');
    this.#port = (this.#http.address() as AddressInfo).port; // a TCP server has an AddressInfo
    return this;
  }

  /** Stops listening and cuts every connection; `start` brings it back on the same port. */
  async stop(): Promise<void> {
    this.cutAll();
    const http = this.#http;
    if (http === undefined) return;
    this.#sockets?.close();
    http.close();
    http.closeAllConnections();
    await once(http, 'close');
    this.#http = undefined;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get open(): readonly FakePeer[] {
    return this.peers.filter((peer) => peer.socket.readyState === 1);
  }

  cutAll(): void {
    for (const peer of this.open) peer.socket.terminate();
  }

  closeAll(code: number): void {
    for (const peer of this.open) peer.socket.close(code);
  }

  addLog(sessionId: string, events: readonly SessionEvent[] = []): FakeLog {
    const log: FakeLog = { epoch: 'e1', events: [...events], trimmedTo: 0, mergesDeltas: false };
    this.logs.set(sessionId, log);
    return log;
  }

  /** Appends to a log and tells every attached client. */
  append(sessionId: string, ...events: readonly SessionEvent[]): void {
    const log = this.#log(sessionId);
    log.events.push(...events);
    this.pushEvents(sessionId, events);
  }

  /** Sends events to the attached clients as they are, whatever the log holds. */
  pushEvents(sessionId: string, events: readonly SessionEvent[], epoch = this.#log(sessionId).epoch): void {
    this.pushFrame(sessionId, { type: 'events', sessionId, epoch, events });
  }

  pushFrame(sessionId: string, frame: unknown): void {
    for (const peer of this.open) {
      if (peer.attached.has(sessionId)) peer.socket.send(JSON.stringify(frame));
    }
  }

  head(sessionId: string): Position {
    const log = this.#log(sessionId);
    const last = log.events.at(-1);
    return { epoch: log.epoch, offset: last === undefined ? log.trimmedTo : lastOffsetOf(last) };
  }

  framesOf<T extends ClientFrame['type']>(type: T): Extract<ClientFrame, { type: T }>[] {
    return this.received.filter((frame): frame is Extract<ClientFrame, { type: T }> => frame.type === type);
  }

  #log(sessionId: string): FakeLog {
    const log = this.logs.get(sessionId);
    if (log === undefined) throw new Error(`the test has no log for ${sessionId}`);
    return log;
  }

  /** A transport that reaches this gateway without a network. */
  memoryTransport(): Transport {
    return this.#wire.transport((socket) => this.#accept(socket));
  }

  #accept(socket: FakeSocket): (text: string) => void {
    const peer: FakePeer = { socket, attached: new Map(), received: [] };
    this.peers.push(peer);
    return (text) => {
      const frame = ClientFrame.parse(JSON.parse(text));
      peer.received.push(frame);
      this.received.push(frame);
      if (this.intercept(frame, peer) !== 'swallow') this.answer(frame, peer);
    };
  }

  /** The usual answer to a frame. */
  answer(frame: ClientFrame, peer: FakePeer): void {
    const send = (answer: unknown): void => peer.socket.send(JSON.stringify(answer));
    switch (frame.type) {
      case 'hello':
        return this.#hello(frame, peer);
      case 'ping':
        return send({ type: 'pong' });
      case 'create': {
        const duplicate = this.creates.has(frame.createId);
        const sessionId = this.creates.get(frame.createId) ?? sessionIdOf(this.creates.size);
        this.creates.set(frame.createId, sessionId);
        return send({ type: 'ack', requestId: frame.requestId, sessionId, duplicate });
      }
      case 'prompt': {
        const duplicate = this.prompts.has(frame.promptId);
        this.prompts.add(frame.promptId);
        send({ type: 'ack', requestId: frame.requestId, promptId: frame.promptId, duplicate });
        return duplicate ? undefined : this.onPrompt(frame);
      }
      case 'abort':
        return send({ type: 'ack', requestId: frame.requestId, turnId: frame.turnId ?? null });
      case 'detach':
        peer.attached.delete(frame.sessionId);
        return send({ type: 'ack', requestId: frame.requestId });
      case 'promptEdit':
      case 'promptCancel':
      case 'promptMove':
        return send({ type: 'ack', requestId: frame.requestId, promptId: frame.promptId });
      case 'decide':
        return send({ type: 'ack', requestId: frame.requestId, approvalId: frame.approvalId });
      case 'open':
      case 'bypass':
      case 'resumeQueue':
      case 'set':
      case 'share':
      case 'unshare':
      case 'refresh':
        return send({ type: 'ack', requestId: frame.requestId });
      case 'attach':
        return this.#attach(frame, peer);
    }
  }

  /** The HTTP calls that list, create, inspect and delete. */
  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const reply = (status: number, body?: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    const fail = (status: number, code: string, message: string): void =>
      reply(status, { error: { code, message, retryable: false }, requestId: 'r' });
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      return fail(401, 'unauthenticated', 'The access token is missing or not valid.');
    }
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://gateway');
    const [, v1, sessions, id] = pathname.split('/');
    if (v1 !== 'v1' || sessions !== 'sessions')
      return fail(404, 'not_found', 'There is nothing at this address.');
    if (id === undefined) {
      if (request.method === 'POST') return reply(201, this.#create(text));
      const wanted = searchParams.get('archived') === 'true';
      const ids = [...this.logs.keys()].filter((each) => this.view(each).archived === wanted);
      return reply(200, { sessions: ids.map((each) => this.#summary(each)) });
    }
    if (!this.logs.has(id))
      return fail(404, 'session_not_found', 'There is no such session, or it is not yours.');
    if (request.method === 'DELETE') {
      this.logs.delete(id);
      return reply(204);
    }
    if (request.method === 'PATCH') {
      this.changes.push(JSON.parse(text));
      return reply(202, {});
    }
    const owner = { workerId: 'w1', alive: true };
    reply(200, { session: this.#summary(id), view: this.view(id), owner, inbox: { unread: 0 } });
  }

  readonly createBodies: unknown[] = [];
  /** Bodies of the requests that change a session. */
  readonly changes: unknown[] = [];

  #create(text: string): unknown {
    this.createBodies.push(JSON.parse(text));
    const sessionId = sessionIdOf(this.logs.size);
    this.addLog(sessionId);
    return { sessionId, duplicate: false };
  }

  #summary(id: string): unknown {
    const view = this.view(id);
    const { title, cwd, archived, createdAt, updatedAt } = view;
    return {
      sessionId: id,
      title,
      cwd,
      status: statusOf(view),
      archived,
      createdAt,
      updatedAt,
      position: this.head(id),
    };
  }

  /** What the worker's snapshot of a session would hold. */
  view(sessionId: string): SessionView {
    return this.#log(sessionId).events.reduce(
      (before, event) => applyEvent(before, event, SNAPSHOT_LIMITS),
      EMPTY_VIEW,
    );
  }

  #hello(frame: Extract<ClientFrame, { type: 'hello' }>, { socket }: FakePeer): void {
    if (frame.token !== this.token) {
      const message = 'The access token is missing or not valid.';
      socket.send(JSON.stringify({ type: 'error', code: 'unauthenticated', message, retryable: false }));
      socket.close(4401);
      return;
    }
    const welcome = {
      type: 'welcome',
      version: 1,
      connectionId: `c${this.peers.length}`,
      userId: 'local',
      heartbeatMs: 15_000,
      maxFrameBytes: this.maxFrameBytes,
    };
    socket.send(JSON.stringify(welcome));
  }

  #attach(frame: Extract<ClientFrame, { type: 'attach' }>, peer: FakePeer): void {
    const { requestId, sessionId, position } = frame;
    const send = (answer: unknown): void => peer.socket.send(JSON.stringify(answer));
    const log = this.logs.get(sessionId);
    if (log === undefined || peer.attached.has(sessionId)) {
      const code = log === undefined ? 'session_not_found' : 'already_attached';
      return send({ type: 'error', requestId, sessionId, code, message: code, retryable: false });
    }
    const head = this.head(sessionId);
    const view = this.view(sessionId);
    const reason = resetReason(log, head, position);
    send({ type: 'attached', requestId, sessionId, position: head, status: statusOf(view) });
    if (reason !== undefined) send({ type: 'reset', sessionId, reason, position: head, snapshot: view });
    const after = reason === undefined ? (position?.offset ?? 0) : head.offset;
    const missed = log.events.filter((event) => lastOffsetOf(event) > after);
    const events = log.mergesDeltas ? mergeDeltas(missed) : missed;
    if (events.length > 0) send({ type: 'events', sessionId, epoch: log.epoch, events });
    peer.attached.set(sessionId, head.offset);
    send({ type: 'caughtUp', sessionId, position: head });
  }
}
