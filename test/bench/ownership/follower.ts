// A client that is attached to sessions over one WebSocket and notes when each event came to it. As lean as it can
// be: what it costs counts as the system's.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { PROTOCOL_VERSION, WEBSOCKET_SUBPROTOCOL } from '@holdfast/shared/protocol';
import { withDeadline } from '@holdfast/shared/util';
import type { TestGateway } from '../../support/processes.ts';

const LIMIT_MS = 60_000;

const Seen = z.looseObject({
  type: z.string(),
  turnId: z.string().nullish(),
  promptId: z.string().nullish(),
});
/** An event and when it came, in ms of the monotonic clock that all processes share. */
export type SeenEvent = z.infer<typeof Seen> & { readonly seenAt: number };

const Received = z.looseObject({
  type: z.string(),
  requestId: z.string().optional(),
  sessionId: z.string().optional(),
  events: z.array(Seen).optional(),
});
type Received = z.infer<typeof Received>;

/** Now, in ms of CLOCK_MONOTONIC: the same for all processes of the machine. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

type Wanted = string | ((event: SeenEvent) => boolean);

/** One session as its client sees it. */
export class Followed {
  readonly sessionId: string;
  readonly #follower: Follower;
  readonly #waiting = new Set<(event: SeenEvent) => void>();

  constructor(follower: Follower, sessionId: string) {
    this.#follower = follower;
    this.sessionId = sessionId;
  }

  take(event: SeenEvent): void {
    for (const listener of this.#waiting) listener(event);
  }

  /** The next event of a type, or the next one that is wanted. Call it before what causes the event. */
  async next(wanted: Wanted, what = String(wanted)): Promise<SeenEvent> {
    const { promise, resolve } = Promise.withResolvers<SeenEvent>();
    const listener = (event: SeenEvent): void => {
      if (typeof wanted === 'string' ? event.type === wanted : wanted(event)) resolve(event);
    };
    this.#waiting.add(listener);
    try {
      return await withDeadline(promise, { limitMs: LIMIT_MS, what });
    } finally {
      this.#waiting.delete(listener);
    }
  }

  /** Sends a prompt; resolves to when it was sent, once it was acknowledged. */
  async prompt(text: string, promptId: string = randomUUID()): Promise<{ sentAt: number; promptId: string }> {
    const content = [{ type: 'text', text }];
    return { ...(await this.send({ type: 'prompt', promptId, content })), promptId };
  }

  /** Sends a prompt and waits for the end of the next turn. */
  async turn(text: string): Promise<SeenEvent> {
    const ended = this.next('turn_ended');
    await this.prompt(text);
    return ended;
  }

  /** Sends a frame about this session; resolves to when it was sent, once it was acknowledged. */
  async send(frame: Readonly<Record<string, unknown>>): Promise<{ readonly sentAt: number }> {
    const { sentAt } = await this.#follower.request({ ...frame, sessionId: this.sessionId });
    return { sentAt };
  }
}

export class Follower implements AsyncDisposable {
  readonly #gateway: TestGateway;
  readonly #socket: WebSocket;
  readonly #sessions = new Map<string, Followed>();
  readonly #asked = new Map<string, (answer: Received) => void>();
  #requests = 0;

  private constructor(gateway: TestGateway, socket: WebSocket) {
    this.#gateway = gateway;
    this.#socket = socket;
    socket.on('message', (data: Buffer) =>
      this.#take(Received.parse(JSON.parse(data.toString('utf8'))), now()),
    );
  }

  static async connect(gateway: TestGateway): Promise<Follower> {
    const socket = new WebSocket(gateway.wsUrl, [WEBSOCKET_SUBPROTOCOL], { perMessageDeflate: false });
    await once(socket, 'open');
    const follower = new Follower(gateway, socket);
    const hello = { type: 'hello', version: PROTOCOL_VERSION, token: gateway.token, client: 'bench' };
    socket.send(JSON.stringify(hello));
    return follower;
  }

  /** Creates a session and attaches to it; resolves when its child is ready. */
  async create(settings: Readonly<Record<string, unknown>> = {}): Promise<Followed> {
    const { answer } = await this.request({ type: 'create', createId: randomUUID(), settings });
    const sessionId = answer.sessionId ?? '';
    const session = new Followed(this, sessionId);
    this.#sessions.set(sessionId, session);
    const started = session.next('child_started');
    await this.request({ type: 'attach', sessionId });
    await this.request({ type: 'open', sessionId });
    await started;
    return session;
  }

  /** Deletes a session, which ends its child. */
  async remove(session: Followed): Promise<void> {
    const { url, token } = this.#gateway;
    const call = { method: 'DELETE', headers: { authorization: `Bearer ${token}` } };
    const answer = await fetch(`${url}/v1/sessions/${session.sessionId}`, call);
    if (!answer.ok) throw new Error(`a session was not deleted: ${await answer.text()}`);
  }

  /** Resolves with the answer; rejects when it is an error. */
  async request(frame: Readonly<Record<string, unknown>>): Promise<{ sentAt: number; answer: Received }> {
    this.#requests += 1;
    const requestId = `r${this.#requests}`;
    const { promise, resolve } = Promise.withResolvers<Received>();
    this.#asked.set(requestId, resolve);
    const text = JSON.stringify({ ...frame, requestId });
    const sentAt = now();
    this.#socket.send(text);
    const answer = await withDeadline(promise, { limitMs: LIMIT_MS, what: `the answer to ${text}` });
    if (answer.type === 'error') throw new Error(`the gateway refused ${text}: ${JSON.stringify(answer)}`);
    return { sentAt, answer };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
  }

  #take(frame: Received, seenAt: number): void {
    if (frame.requestId !== undefined) {
      this.#asked.get(frame.requestId)?.(frame);
      this.#asked.delete(frame.requestId);
    }
    const session = this.#sessions.get(frame.sessionId ?? '');
    for (const event of frame.events ?? []) session?.take({ ...event, seenAt });
  }
}
