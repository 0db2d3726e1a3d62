// A prompt through the whole system: WebSocket, gateway process, Redis, worker process, real CLI, and back.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { PROTOCOL_VERSION, WEBSOCKET_SUBPROTOCOL } from '@holdfast/shared/protocol';
import { withDeadline } from '@holdfast/shared/util';
import type { TestGateway } from '../../support/processes.ts';

const LIMIT_MS = 60_000;

/** What is read of a frame. Not looked at any closer: the reader of the bare pipe does not either, and both are timed. */
interface Received {
  readonly type: string;
  readonly requestId?: string;
  readonly sessionId?: string;
  readonly events?: readonly ({ readonly type: string } & Readonly<Record<string, unknown>>)[];
}

/** When the client got what, in ms of `performance.now()`. */
export interface PromptTimes {
  readonly sentAt: number;
  readonly acknowledgedAt: number;
  readonly queuedAt: number;
  readonly startedAt: number;
  readonly firstDeltaAt: number;
  readonly endedAt: number;
}

/** One client of one session whose CLI is warm. */
export class SystemClient implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #listeners = new Set<(frame: Received) => void>();
  #sessionId = '';
  #requests = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as Received; // frames of our own gateway
      for (const listener of this.#listeners) listener(frame);
    });
  }

  /** Connects, creates a session, and waits until its CLI is running. */
  static async open(gateway: TestGateway): Promise<SystemClient> {
    const socket = new WebSocket(gateway.wsUrl, [WEBSOCKET_SUBPROTOCOL], { perMessageDeflate: false });
    await once(socket, 'open');
    const client = new SystemClient(socket);
    client.#send({ type: 'hello', version: PROTOCOL_VERSION, token: gateway.token, client: 'bench' });
    const created = await client.#request({ type: 'create', createId: randomUUID() });
    client.#sessionId = created.sessionId ?? '';
    const running = client.#until((frame) => has(frame, 'child_started'), 'the CLI to start');
    await client.#request({ type: 'attach', sessionId: client.#sessionId });
    await client.#request({ type: 'open', sessionId: client.#sessionId });
    await running;
    return client;
  }

  /** Sends a prompt and waits for the end of its turn. */
  async prompt(text: string): Promise<PromptTimes> {
    const times = { sentAt: 0, acknowledgedAt: 0, queuedAt: 0, startedAt: 0, firstDeltaAt: 0, endedAt: 0 };
    const requestId = this.#nextRequest();
    const ended = this.#until((frame) => {
      const now = performance.now();
      if (frame.requestId === requestId && frame.type === 'ack') times.acknowledgedAt = now;
      if (frame.requestId === requestId && frame.type === 'error') throw refusal(frame);
      if (has(frame, 'prompt_queued')) times.queuedAt ||= now;
      if (has(frame, 'turn_started')) times.startedAt ||= now;
      if (has(frame, 'message_delta')) times.firstDeltaAt ||= now;
      const end = frame.events?.find(({ type }) => type === 'turn_ended' || type === 'turn_interrupted');
      if (end === undefined) return false;
      if (end['stopReason'] !== 'end_turn') throw new Error(`a turn failed: ${JSON.stringify(end)}`);
      times.endedAt = now;
      return true;
    }, 'the end of a turn');
    const frame = { type: 'prompt', sessionId: this.#sessionId, promptId: randomUUID() };
    times.sentAt = performance.now();
    this.#send({ ...frame, requestId, content: [{ type: 'text', text }] });
    await ended;
    return times;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
  }

  #send(frame: Readonly<Record<string, unknown>>): void {
    this.#socket.send(JSON.stringify(frame));
  }

  async #request(frame: Readonly<Record<string, unknown>>): Promise<Received> {
    const requestId = this.#nextRequest();
    const answer = this.#until(
      (received) => received.requestId === requestId,
      `the answer to ${String(frame['type'])}`,
    );
    this.#send({ ...frame, requestId });
    const received = await answer;
    if (received.type === 'error') throw refusal(received);
    return received;
  }

  #nextRequest(): string {
    this.#requests += 1;
    return `r${this.#requests}`;
  }

  /** Resolves with the first frame that `check` accepts; rejects with what it throws. */
  async #until(check: (frame: Received) => boolean, what: string): Promise<Received> {
    const { promise, resolve, reject } = Promise.withResolvers<Received>();
    const listener = (frame: Received): void => {
      try {
        if (check(frame)) resolve(frame);
      } catch (error) {
        reject(error);
      }
    };
    this.#listeners.add(listener);
    try {
      return await withDeadline(promise, { limitMs: LIMIT_MS, what });
    } finally {
      this.#listeners.delete(listener);
    }
  }
}

function has(frame: Received, type: string): boolean {
  return frame.events?.some((event) => event.type === type) ?? false;
}

function refusal(frame: Received): Error {
  return new Error(`the gateway refused: ${JSON.stringify(frame)}`);
}
