// A session as a framework-free store: attached while somebody listens, its view folded by the shared reducer,
// prompts sent from here merged in, the connection's state told as it is.
import { statusOf, type Position, type PromptId, type PromptContent } from '@holdfast/shared/protocol';
import type { ConnectionStatus } from './connection-status.ts';
import type { HoldfastError } from './errors.ts';
import type { FeedPhase, From, SessionItem } from './feed.ts';
import type { OpenFeed } from './item-stream.ts';
import type { AttachedFeed } from './multiplexer.ts';
import { Subject, type Observable } from './observable.ts';
import { EMPTY_CONVERSATION, reconcile, type Conversation, type ConversationInput } from './reconcile.ts';

export interface SessionSnapshot extends Conversation {
  /** The place in the log that `view` stands for; null before the first answer. */
  readonly position: Position | null;
  readonly status: ReturnType<typeof statusOf>;
  readonly connection: ConnectionStatus;
  /** Why the session can not be read (`session_not_found`, …); null as long as it can. */
  readonly error: HoldfastError | null;
}

/** What the store needs of its session and client. */
export interface SessionStoreDeps {
  readonly openFeed: (from: From) => OpenFeed;
  readonly connection: Observable<ConnectionStatus>;
}

export class SessionStore implements Observable<SessionSnapshot> {
  readonly #deps: SessionStoreDeps;
  readonly #from: 'start' | 'snapshot';
  readonly #subject: Subject<SessionSnapshot>;
  #feed: AttachedFeed | undefined;
  #phase: FeedPhase = 'detached';
  #stopStatus: (() => void) | undefined;

  constructor(deps: SessionStoreDeps, from: 'start' | 'snapshot') {
    this.#deps = deps;
    this.#from = from;
    this.#subject = new Subject<SessionSnapshot>({
      ...EMPTY_CONVERSATION,
      position: null,
      status: 'idle',
      connection: withPhase(deps.connection.getSnapshot(), 'detached'),
      error: null,
    });
  }

  readonly getSnapshot = (): SessionSnapshot => this.#subject.getSnapshot();

  /** The first listener attaches, the last one to leave detaches; the next goes on from the last position. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const unsubscribe = this.#subject.subscribe(listener);
    if (this.#subject.listenerCount === 1) this.#attach();
    return () => {
      unsubscribe();
      if (this.#subject.listenerCount === 0) this.#detach();
    };
  };

  /** Shows a prompt before the service has it. Called by the session; `promptId` decides what is the same prompt. */
  sent(promptId: PromptId, content: PromptContent): void {
    this.#reconcile([{ kind: 'sent', promptId, content }]);
  }

  accepted(promptId: PromptId, isDuplicate: boolean): void {
    this.#reconcile([{ kind: 'accepted', promptId, isDuplicate }]);
  }

  failed(promptId: PromptId, error: HoldfastError): void {
    this.#reconcile([{ kind: 'failed', promptId, error }]);
  }

  /** Takes a failed prompt off the screen. */
  dismiss(promptId: PromptId): void {
    this.#reconcile([{ kind: 'dismissed', promptId }]);
  }

  #attach(): void {
    this.#stopStatus = this.#deps.connection.subscribe(() => this.#showConnection());
    const from = this.getSnapshot().position ?? this.#from;
    this.#feed = this.#deps.openFeed(from)({
      onItems: (items) => this.#onItems(items),
      onState: (phase) => {
        this.#phase = phase;
        this.#showConnection();
      },
      onEnd: (error) => this.#subject.set({ ...this.getSnapshot(), error }),
    });
    this.#showConnection();
  }

  #detach(): void {
    this.#stopStatus?.();
    this.#feed?.end();
    this.#feed = undefined;
  }

  #onItems(items: readonly SessionItem[]): void {
    const inputs: ConversationInput[] = [];
    let { position } = this.getSnapshot();
    for (const item of items) {
      if (item.kind === 'event') inputs.push({ kind: 'event', event: item.event });
      if (item.kind === 'reset') {
        const sameEpoch = position?.epoch === item.position.epoch;
        inputs.push({ kind: 'reset', reason: item.reason, sameEpoch, snapshot: item.snapshot });
      }
      position = item.position;
    }
    this.#reconcile(inputs, position);
  }

  #reconcile(inputs: readonly ConversationInput[], position = this.getSnapshot().position): void {
    const before = this.getSnapshot();
    const next = inputs.reduce<Conversation>(reconcile, pickConversation(before));
    this.#subject.set({ ...before, ...next, position, status: statusOf(next.view) });
  }

  #showConnection(): void {
    const before = this.getSnapshot();
    const connection = withPhase(this.#deps.connection.getSnapshot(), this.#phase);
    if (connection.kind === before.connection.kind && connection.kind !== 'reconnecting') return;
    this.#subject.set({ ...before, connection });
  }
}

function pickConversation({ view, local, settled, hole }: Conversation): Conversation {
  return { view, local, settled, hole };
}

/** A connection that lives does not make a session live: its replay must be over too. */
function withPhase(connection: ConnectionStatus, phase: FeedPhase): ConnectionStatus {
  return connection.kind === 'live' && phase !== 'live' ? { kind: 'catching_up' } : connection;
}
