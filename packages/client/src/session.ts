// One session seen from a client: what can be asked of it, and its events.
import {
  ApprovalId,
  mintId,
  PromptContent,
  PromptId,
  RequestId,
  TurnId,
  textContent,
  UserId,
  type DecisionInput,
  type PromptContentInput,
  type SessionChanges,
  type SessionId,
  type SharedRole,
  type WhenBusy,
} from '@holdfast/shared/protocol';
import { HoldfastError, localError } from './errors.ts';
import type { From } from './feed.ts';
import { ItemStream, type OpenFeed } from './item-stream.ts';
import type { Multiplexer } from './multiplexer.ts';
import { SessionStore } from './session-store.ts';

export interface PromptOptions {
  /** Made by the client when absent; the same id runs once, however often it is sent. */
  readonly promptId?: string;
  /** What becomes of the prompt when a turn runs: default `queue`; `reject` rejects with `prompt_busy`. */
  readonly whenBusy?: WhenBusy;
}

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

interface Addressed {
  readonly requestId: RequestId;
  readonly sessionId: SessionId;
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
    prompt: string | PromptContentInput,
    options: PromptOptions = {},
  ): Promise<{ readonly promptId: PromptId; readonly duplicate: boolean }> {
    const content = typeof prompt === 'string' ? textContent(prompt) : PromptContent.parse(prompt);
    const promptId = PromptId.parse(options.promptId ?? mintId());
    const frame = {
      type: 'prompt' as const,
      requestId: newRequestId(),
      sessionId: this.sessionId,
      promptId,
      content,
      ...(options.whenBusy === undefined ? {} : { whenBusy: options.whenBusy }),
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
   * Changes a prompt that waits; resolves when the request is durable: `prompt_edited` tells that it was in time.
   * Rejects with `prompt_not_queued` when it was too late already. Like `cancelPrompt` and `movePrompt` not sent
   * again after a lost connection, since by then the answer would be about another moment.
   */
  async editPrompt(promptId: string, prompt: string | PromptContent): Promise<void> {
    const content = typeof prompt === 'string' ? textContent(prompt) : prompt;
    await this.#request({ type: 'promptEdit', ...this.#prompted(promptId), content }, false);
  }

  /** Takes a waiting prompt out of the queue. */
  async cancelPrompt(promptId: string): Promise<void> {
    await this.#request({ type: 'promptCancel', ...this.#prompted(promptId) }, false);
  }

  /** Moves a waiting prompt in front of another one; `before` null: to the end of the queue. */
  async movePrompt(promptId: string, before: string | null): Promise<void> {
    const place = before === null ? null : PromptId.parse(before);
    await this.#request({ type: 'promptMove', ...this.#prompted(promptId), before: place }, false);
  }

  /** Lets a paused queue go on. A new prompt does that too. */
  async resumeQueue(): Promise<void> {
    await this.#request({ type: 'resumeQueue', ...this.#addressed() }, false);
  }

  /** Changes the session: its title, whether it is put away, its settings. What is left out stays as it is. */
  async set(changes: SessionChanges): Promise<void> {
    await this.#request({ type: 'set', ...this.#addressed(), ...changes }, true);
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
   * Decides an approval; resolves once this decision is the one that counts: `approval_resolved` tells when it was
   * carried out. Rejects with `approval_resolved` when somebody was quicker (`details.by`, `details.outcome`), and with
   * `approval_expired`, `approval_lost`, `approval_cancelled`, `approval_not_found` when nothing waits any more. The
   * same decision twice is fine. `inputDigest`: the one of `approval_requested`, so that no other input is meant.
   */
  async decide(
    approvalId: string,
    decision: DecisionInput,
    options: { readonly inputDigest?: string } = {},
  ): Promise<{ readonly duplicate: boolean }> {
    const id = ApprovalId.parse(approvalId);
    const { inputDigest } = options;
    const digest = inputDigest === undefined ? {} : { inputDigest };
    const frame = { type: 'decide' as const, ...this.#addressed(), approvalId: id, decision, ...digest };
    const { duplicate = false } = await this.#request(frame, true);
    return { duplicate };
  }

  /** Gives another user a role in the session, or another role than before. For the owner alone. */
  async share(userId: string, role: SharedRole): Promise<void> {
    await this.#request({ type: 'share', ...this.#addressed(), userId: UserId.parse(userId), role }, true);
  }

  /** Takes the role away: within seconds that user does not see the session any more. */
  async unshare(userId: string): Promise<void> {
    await this.#request({ type: 'unshare', ...this.#addressed(), userId: UserId.parse(userId) }, true);
  }

  /**
   * Lets everything through that a person would be asked for, for so many minutes; 0 ends it. `bypass_changed` tells that
   * it is so; a notice tells why not: the operator's policy does not allow it, or the session has another mode than
   * `default`.
   */
  async bypass(minutes: number): Promise<void> {
    await this.#request({ type: 'bypass', ...this.#addressed(), minutes }, false);
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

  #addressed(): Addressed {
    return { requestId: newRequestId(), sessionId: this.sessionId };
  }

  #prompted(promptId: string): Addressed & { readonly promptId: PromptId } {
    return { ...this.#addressed(), promptId: PromptId.parse(promptId) };
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
