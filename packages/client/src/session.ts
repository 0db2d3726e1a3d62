// One session seen from a client: what can be asked of it, and its events.
import {
  mintId,
  PromptId,
  RequestId,
  TurnId,
  textContent,
  type PromptContent,
  type SessionId,
} from '@holdfast/shared/protocol';
import { HoldfastError, localError } from './errors.ts';
import type { From } from './feed.ts';
import { ItemStream, type OpenFeed } from './item-stream.ts';
import type { Multiplexer } from './multiplexer.ts';
import { SessionStore } from './session-store.ts';

export interface AbortOptions {
  /** The turn meant. Without it: the one the store shows as running, else the one running when the gateway reads this. */
  readonly turnId?: string;
  /** What happens to waiting prompts; default `keep`. */
  readonly queue?: 'keep' | 'clear';
  /** What happens to background work of the CLI; default `keep`. */
  readonly background?: 'keep' | 'stop';
}

export interface SessionDeps {
  readonly sessionId: SessionId;
  readonly main: Multiplexer;
  /** Opens a feed on the main connection, or on one of its own when the session is attached there already. */
  readonly openFeed: (sessionId: SessionId, from: From) => OpenFeed;
  readonly requestDeadlineMs: number;
}

export class Session {
  readonly sessionId: SessionId;
  readonly #deps: SessionDeps;
  #store: SessionStore | undefined;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.sessionId = deps.sessionId;
  }

  /** Says that a person opened the session, so that its child is started before the first prompt. */
  async open(): Promise<void> {
    const frame = { type: 'open' as const, requestId: newRequestId(), sessionId: this.sessionId };
    await this.#request(frame, true);
  }

  /**
   * Sends a prompt; resolves once it is durable on the service. Safe to repeat with the same `promptId`, which
   * is also what happens by itself after a lost connection. Rejects with {@link HoldfastError}.
   */
  async prompt(
    prompt: string | PromptContent,
    options: { readonly promptId?: string } = {},
  ): Promise<{ readonly promptId: PromptId; readonly duplicate: boolean }> {
    const content = typeof prompt === 'string' ? textContent(prompt) : prompt;
    const promptId = PromptId.parse(options.promptId ?? mintId());
    const frame = {
      type: 'prompt' as const,
      requestId: newRequestId(),
      sessionId: this.sessionId,
      promptId,
      content,
    };
    this.#store?.sent(promptId, content);
    try {
      const { duplicate = false } = await this.#request(frame, true);
      this.#store?.accepted(promptId, duplicate);
      return { promptId, duplicate };
    } catch (error) {
      this.#store?.failed(promptId, asHoldfastError(error));
      throw error;
    }
  }

  /**
   * Stops the running turn; resolves when the request is durable, with the turn it names (null: none was running).
   * Only an abort that names its turn is sent again after a lost connection: otherwise it could hit a later turn.
   */
  async abort(options: AbortOptions = {}): Promise<{ readonly turnId: TurnId | null }> {
    const known = options.turnId ?? this.#store?.getSnapshot().view.turn?.turnId;
    const { queue = 'keep', background = 'keep' } = options;
    const frame = {
      type: 'abort' as const,
      requestId: newRequestId(),
      sessionId: this.sessionId,
      queue,
      background,
    };
    const ack =
      known === undefined
        ? await this.#request(frame, false)
        : await this.#request({ ...frame, turnId: TurnId.parse(known) }, true);
    return { turnId: ack.turnId ?? null };
  }

  /**
   * The session's events in order, each once, over any number of reconnects; ends when the caller stops iterating
   * or `signal` aborts, throws {@link HoldfastError} when the session can not be read.
   * `from`: a saved position, `start`, or (default) `snapshot`: a `reset` item with the present view first.
   * Throws at once when the client is closed.
   */
  events(options: { readonly from?: From; readonly signal?: AbortSignal } = {}): ItemStream {
    return new ItemStream(this.#deps.openFeed(this.sessionId, options.from ?? 'snapshot'), options.signal);
  }

  /** The session as a store, one for all callers. `from` counts for the first call: `start` folds the whole log. */
  store(options: { readonly from?: 'start' | 'snapshot' } = {}): SessionStore {
    this.#store ??= new SessionStore(
      {
        openFeed: (from) => this.#deps.openFeed(this.sessionId, from),
        connection: this.#deps.main.status,
      },
      options.from ?? 'snapshot',
    );
    return this.#store;
  }

  #request(
    frame: Parameters<Multiplexer['request']>[0],
    isRepeatable: boolean,
  ): ReturnType<Multiplexer['request']> {
    return this.#deps.main.request(frame, { isRepeatable, deadlineMs: this.#deps.requestDeadlineMs });
  }
}

export function newRequestId(): RequestId {
  return RequestId.parse(mintId());
}

function asHoldfastError(error: unknown): HoldfastError {
  return error instanceof HoldfastError ? error : localError('bad_response', error);
}
