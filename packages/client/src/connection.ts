// One connection to a gateway: runs the machine of connection-state.ts against a transport, a clock and the
// page's hints. Whatever happens becomes an event; only `#step` acts.
import { PROTOCOL_VERSION, type ClientFrameInput, type ServerFrame } from '@holdfast/shared/protocol';
import { assertNever } from '@holdfast/shared/util';
import type { Clock } from './clock.ts';
import {
  INITIAL_CONNECTION,
  nextDeadline,
  transition,
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
} from './connection-state.ts';
import { isSameStatus, statusOfConnection, type ConnectionStatus } from './connection-status.ts';
import { parseServerFrame } from './frames.ts';
import { Subject, type Observable } from './observable.ts';
import type { Transport } from './transport.ts';
import type { WakeSignals } from './wake-signals.ts';

export interface ConnectionOptions {
  /** `ws://` or `wss://` address of the gateway's WebSocket. */
  readonly url: string;
  /** Sent in `hello`; undefined where a cookie speaks for the user. */
  readonly token: string | undefined;
  /** Name and version of the program, for the gateway's log. */
  readonly clientName: string;
  readonly createTransport: () => Transport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly wakeSignals: WakeSignals;
  readonly onDiagnostic: (diagnostic: Diagnostic) => void;
}

/** A gateway that goes away still answers what it has, for a little longer than this. */
const ANSWERS_COME_MS = 250;

/** Things that are no error of any call but that a developer may want to see. Silent by default. */
export type Diagnostic =
  | { readonly kind: 'unknown_frame'; readonly type: string }
  | { readonly kind: 'invalid_frame'; readonly reason: string }
  | { readonly kind: 'gap'; readonly sessionId: string; readonly offset: number };

export interface ConnectionListener {
  readonly onReady: () => void;
  readonly onLost: () => void;
  readonly onClosed: (code: string) => void;
  /** Whether something was asked that can not be asked again, and is not answered yet. */
  readonly isAwaitingAnswer: () => boolean;
  /** Every frame but `welcome`, `goingAway` and `pong`. */
  readonly onFrame: (frame: ServerFrame) => void;
}

type Happening = ConnectionEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'now' | 'random'>
    : never
  : never;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #status: Subject<ConnectionStatus>;
  #state: ConnectionState = INITIAL_CONNECTION;
  #transport: Transport | undefined;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  #stopSignals: (() => void) | undefined;
  readonly #pending: Happening[] = [];
  #isStepping = false;
  #maxFrameBytes = Number.POSITIVE_INFINITY;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options;
    this.#listener = listener;
    this.#status = new Subject(statusOfConnection(INITIAL_CONNECTION));
  }

  get status(): Observable<ConnectionStatus> {
    return this.#status;
  }

  get isReady(): boolean {
    return this.#state.phase.kind === 'ready';
  }

  /** The gateway goes away: what is sent now may find it gone. */
  get isLeaving(): boolean {
    const { phase } = this.#state;
    return phase.kind === 'ready' && phase.leaveAt !== null;
  }

  /** Largest frame the gateway takes, in bytes; unbounded before the first `welcome`. */
  get maxFrameBytes(): number {
    return this.#maxFrameBytes;
  }

  start(): void {
    this.#stopSignals ??= this.#options.wakeSignals((signal) => this.#happen({ type: signal }));
    this.#happen({ type: 'start' });
  }

  stop(): void {
    this.#happen({ type: 'stop' });
  }

  /** Gives this socket up and comes back after a backoff: for a peer that does not keep to the protocol. */
  abandon(): void {
    this.#happen({ type: 'abandon' });
  }

  /** Sends a frame if the connection is ready. */
  send(frame: ClientFrameInput): void {
    if (!this.isReady) return;
    this.#transport?.send(JSON.stringify(frame));
    this.#happen({ type: 'sent' });
  }

  #happen(happening: Happening): void {
    this.#pending.push(happening);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift())
        this.#step(next);
    } finally {
      this.#isStepping = false;
    }
  }

  #step(happening: Happening): void {
    const { clock, random } = this.#options;
    const event: ConnectionEvent = { ...happening, now: clock.now(), random: random() };
    const { state, effects } = transition(this.#state, event);
    this.#state = state;
    this.#armTimer();
    // The status first: what the effects announce must not be seen next to a status that is over.
    const status = statusOfConnection(this.#state);
    if (!isSameStatus(status, this.#status.getSnapshot())) this.#status.set(status);
    for (const effect of effects) this.#run(effect);
  }

  /** Every frame moves the deadline on; a timer that rings too early finds nothing due and is set again. */
  #armTimer(): void {
    const due = nextDeadline(this.#state);
    if (due !== null && this.#timer !== undefined && this.#timer.at <= due) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (due === null) return;
    const { clock } = this.#options;
    const ring = (): void => {
      this.#timer = undefined;
      this.#happen({ type: 'tick' });
    };
    this.#timer = { at: due, cancel: clock.schedule(due - clock.now(), ring) };
  }

  #run(effect: ConnectionEffect): void {
    switch (effect.type) {
      case 'open':
        return this.#open();
      case 'send_hello':
        return this.#hello();
      case 'send_ping':
        return this.send({ type: 'ping' });
      case 'drop':
        this.#transport?.close(effect.closeCode);
        this.#transport = undefined;
        return;
      case 'announce_ready':
        return this.#listener.onReady();
      case 'announce_lost':
        return this.#listener.onLost();
      case 'announce_closed':
        this.#stopSignals?.();
        this.#stopSignals = undefined;
        return this.#listener.onClosed(effect.code);
      default:
        return assertNever(effect, 'effect');
    }
  }

  #open(): void {
    const transport = this.#options.createTransport();
    this.#transport = transport;
    const isCurrent = (): boolean => this.#transport === transport;
    try {
      transport.open(this.#options.url, {
        onOpen: () => isCurrent() && this.#happen({ type: 'opened' }),
        onText: (text) => isCurrent() && this.#receive(text),
        onClose: (closeCode) => isCurrent() && this.#happen({ type: 'lost', closeCode }),
      });
    } catch {
      // A socket that can not even be made (a blocked address) counts as one that was lost at once.
      this.#happen({ type: 'lost', closeCode: 1006 });
    }
  }

  #hello(): void {
    const { token, clientName } = this.#options;
    const hello: ClientFrameInput = { type: 'hello', version: PROTOCOL_VERSION, client: clientName };
    this.#transport?.send(JSON.stringify(token === undefined ? hello : { ...hello, token }));
  }

  #receive(text: string): void {
    this.#happen({ type: 'heard' });
    const parsed = parseServerFrame(text);
    if (parsed.kind === 'unknown') {
      this.#options.onDiagnostic({ kind: 'unknown_frame', type: parsed.type });
      return;
    }
    if (parsed.kind === 'invalid') {
      this.#options.onDiagnostic({ kind: 'invalid_frame', reason: parsed.reason });
      this.abandon();
      return;
    }
    const { frame } = parsed;
    if (frame.type === 'welcome') {
      this.#maxFrameBytes = frame.maxFrameBytes;
      this.#happen({ type: 'welcome', heartbeatMs: frame.heartbeatMs });
    } else if (frame.type === 'goingAway') {
      const stayMs = this.#listener.isAwaitingAnswer() ? ANSWERS_COME_MS : 0;
      this.#happen({ type: 'going_away', afterMs: Math.max(frame.reconnectAfterMs, stayMs) });
    } else if (frame.type !== 'pong') {
      this.#listener.onFrame(frame);
    }
  }
}
