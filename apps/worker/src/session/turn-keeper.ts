// The turn in flight: begins it, follows what the CLI says, ends it exactly once, also when its child is lost.
// Every method is called by the session's loop or by a child callback; it appends events and wakes the loop.
import { setTimeout as pause } from 'node:timers/promises';
import {
  mintTurnId,
  NO_TOKENS,
  type EventBody,
  type SessionView,
  type TurnId,
} from '@holdfast/shared/protocol';
import type { AppendEffects } from '@holdfast/shared/store';
import { assertNever } from '@holdfast/shared/util';
import { CanUseTool } from '../agent/cli-messages.ts';
import { EventMapper, type Signal } from '../agent/event-mapper.ts';
import type { ChildHost, ChildOver } from './child-host.ts';
import type { EventWriter } from './event-writer.ts';
import type { PromptQueue, WaitingPrompt } from './prompt-queue.ts';
import type { SessionFiles } from './session-files.ts';
import type { StartFailure } from './start-failure.ts';
import { turnEnd, type OwnReason } from './turn-end.ts';

/** A prompt is delivered at most this often; after that it waits until a person lets it run. */
const MAX_ATTEMPTS = 3;
/** After `result` the CLI tells that it is idle; a prompt written before that may be merged with its own work. */
const SETTLE_LIMIT_MS = 250;
/** A CLI that does not end its turn this long after an interrupt is ended itself. */
const ABORT_LIMIT_MS = 5_000;

const ZERO = { durationMs: 0, apiDurationMs: 0, costUsd: 0, usage: NO_TOKENS };

interface Turn {
  readonly turnId: TurnId;
  /** null: the CLI began this turn by itself. */
  readonly prompt: WaitingPrompt | null;
  readonly costBeforeUsd: number;
  isAcknowledged: boolean;
  own: OwnReason;
}

export interface TurnKeeperDeps {
  readonly writer: EventWriter;
  readonly child: ChildHost;
  readonly queue: PromptQueue;
  readonly files: SessionFiles;
  readonly view: SessionView;
  /** The CLI's id of the conversation so far; null before the first child. */
  readonly cliSessionId: string | null;
  readonly onTurnOver: () => void;
}

export class TurnKeeper {
  readonly #deps: TurnKeeperDeps;
  #mapper: EventMapper;
  #turn: Turn | null = null;
  #cliSessionId: string | null;
  #settleTimer: NodeJS.Timeout | null = null;
  #whenOver: (() => void)[] = [];

  constructor(deps: TurnKeeperDeps) {
    this.#deps = deps;
    this.#mapper = new EventMapper(deps.view.usage);
    this.#cliSessionId = deps.cliSessionId;
  }

  get cliSessionId(): string | null {
    return this.#cliSessionId;
  }

  get turnId(): TurnId | null {
    return this.#turn?.turnId ?? null;
  }

  /** The prompt of the turn in flight. */
  get promptId(): string | null {
    return this.#turn?.prompt?.promptId ?? null;
  }

  /** No turn is in flight, and the CLI has settled after the last one. */
  get isFree(): boolean {
    return this.#turn === null && this.#settleTimer === null;
  }

  /** Resolves when no turn is in flight any more, or after `limitMs`. */
  async whenFree(limitMs: number): Promise<void> {
    if (this.#turn === null) return;
    await Promise.race([
      new Promise<void>((resolve) => this.#whenOver.push(resolve)),
      pause(limitMs, undefined, { ref: false }),
    ]);
  }

  /** A fresh child: its costs count from zero, its conversation has this id. */
  childReady(cliSessionId: string): void {
    this.#cliSessionId = cliSessionId;
    this.#mapper = new EventMapper(this.#deps.writer.view.usage);
  }

  /** The start of the turn is in the log before the prompt is on the pipe. */
  async begin(prompt: WaitingPrompt): Promise<void> {
    const { writer, queue, child } = this.#deps;
    const turn = this.#newTurn(prompt);
    this.#turn = turn;
    writer.push([startedEvent(turn)], { queue: [queue.take(prompt.promptId)] });
    if (!(await writer.flushed())) return;
    // A child that died meanwhile is told by its end: the turn is then undelivered.
    child.prompt(turn.turnId, prompt.content);
  }

  /** Takes one message of the CLI. */
  take(value: unknown): void {
    const { events, signals } = this.#mapper.map(value, this.turnId);
    for (const signal of signals) if (signal.kind === 'turn_began') this.#onTurnBegan(signal);
    for (const event of events) this.#deps.writer.push([event]);
    for (const signal of signals) this.#onSignal(signal);
  }

  /** Asks the CLI to stop the turn, and ends the CLI if it does not. The first reason stays. */
  interrupt(own: OwnReason): void {
    const turn = this.#turn;
    if (turn === null || turn.own.kind !== 'none') return;
    turn.own = own;
    void this.#deps.child.interrupt();
    setTimeout(() => {
      if (this.#turn === turn) void this.#deps.child.end('abort_ignored', false);
    }, ABORT_LIMIT_MS).unref();
  }

  /** The child is gone: closes what it left open and ends the turn that was in flight. */
  async afterChild(over: ChildOver, exited: EventBody): Promise<void> {
    const turn = this.#turn;
    this.#over();
    this.#settled();
    const closing = [...this.#mapper.closeOpenBlocks(turn?.turnId ?? null), exited];
    const lost = turn === null ? { events: [] } : await this.#endWithChild(turn, over);
    this.#deps.writer.push([...closing, ...lost.events], lost.effects);
  }

  /** No child could be started: the prompt in front fails visibly instead of waiting for ever. */
  failNext(failure: StartFailure): void {
    const { queue, writer } = this.#deps;
    const prompt = queue.next();
    if (prompt === undefined) {
      writer.push([{ type: 'notice', kind: 'warning', text: failure.message, data: { code: failure.code } }]);
      return;
    }
    const turn = this.#newTurn(prompt);
    const ended: EventBody = {
      type: 'turn_ended',
      turnId: turn.turnId,
      stopReason: 'failed',
      error: failure,
      ...ZERO,
    };
    writer.push([startedEvent(turn), ended], { queue: [queue.remove(prompt.promptId)] });
  }

  #newTurn(prompt: WaitingPrompt | null): Turn {
    const costBeforeUsd = this.#mapper.costUsd;
    return { turnId: mintTurnId(), prompt, costBeforeUsd, isAcknowledged: false, own: { kind: 'none' } };
  }

  /** A turn that none of our prompts began is the CLI's own: background work that ended. */
  #onTurnBegan(signal: Extract<Signal, { kind: 'turn_began' }>): void {
    const { writer } = this.#deps;
    const isNew = signal.cliSessionId !== undefined && signal.cliSessionId !== this.#cliSessionId;
    if (isNew) this.#cliSessionId = signal.cliSessionId ?? null;
    const effects = isNew ? { meta: { cli: this.#cliSessionId ?? '' } } : undefined;
    if (this.#turn === null) {
      this.#turn = this.#newTurn(null);
      writer.push([startedEvent(this.#turn)], effects);
    } else if (isNew) {
      writer.push([{ type: 'notice', kind: 'info', text: 'Claude Code began a new conversation.' }], effects);
    }
  }

  #onSignal(signal: Signal): void {
    switch (signal.kind) {
      case 'turn_over':
        this.#onResult(signal.result);
        break;
      case 'state':
        if (signal.state === 'idle') this.#settled();
        break;
      case 'prompt_acknowledged':
        if (this.#turn?.turnId === signal.uuid) this.#turn.isAcknowledged = true;
        break;
      case 'credentials_refused':
        this.interrupt(credentialsRefused(signal.status));
        break;
      case 'control_request':
        this.#onControlRequest(signal.requestId, signal.request);
        break;
      case 'turn_began':
      case 'control_cancel':
        break;
      default:
        assertNever(signal);
    }
  }

  #onResult(result: Extract<Signal, { kind: 'turn_over' }>['result']): void {
    const turn = this.#turn;
    if (turn === null) return;
    // Background work of the CLI may end its own turn right when ours was written: ours is still to come.
    if (result.origin !== undefined && turn.prompt !== null && !turn.isAcknowledged) return;
    const costUsd = Math.max(0, this.#mapper.costUsd - turn.costBeforeUsd);
    this.#deps.writer.push([
      { type: 'turn_ended', turnId: turn.turnId, ...turnEnd(result, turn.own, costUsd) },
    ]);
    this.#over();
    this.#settleTimer = setTimeout(() => this.#settled(), SETTLE_LIMIT_MS);
  }

  #over(): void {
    this.#turn = null;
    for (const resolve of this.#whenOver.splice(0)) resolve();
  }

  #settled(): void {
    if (this.#settleTimer === null) return;
    clearTimeout(this.#settleTimer);
    this.#settleTimer = null;
    this.#deps.onTurnOver();
  }

  /** Until people can be asked, every permission request is denied at once, and shown. */
  #onControlRequest(requestId: string, request: Record<string, unknown>): void {
    const asked = CanUseTool.safeParse(request);
    const message = asked.success
      ? `${asked.data.tool_name} needs a permission that no rule of this session gives. ` +
        'Start a session that allows it (holdfast new --allow RULE) and try again.'
      : 'Holdfast does not answer this request.';
    this.#deps.child.answer(requestId, { behavior: 'deny', message });
    if (!asked.success) return;
    const { tool_name: tool, input } = asked.data;
    this.#deps.writer.push([
      { type: 'notice', kind: 'permission', text: `Denied: ${message}`, data: { tool, input } },
    ]);
  }

  /**
   * How a turn ends whose child is gone: a prompt that provably never reached the CLI goes back to the front; a
   * delivered one never runs again unasked. `reason` is a sentence for people.
   */
  async settleLost(
    turn: { readonly turnId: TurnId; readonly prompt: WaitingPrompt | null },
    reason: string,
  ): Promise<{ events: EventBody[]; effects: AppendEffects }> {
    const { turnId, prompt } = turn;
    const delivered = prompt === null || (await this.#wasDelivered(turnId));
    const interrupted: EventBody = { type: 'turn_interrupted', turnId, delivered, reason };
    if (delivered) return { events: [interrupted], effects: this.#dropped(turn) };
    return this.#putBack(prompt, interrupted);
  }

  #putBack(prompt: WaitingPrompt, interrupted: EventBody): { events: EventBody[]; effects: AppendEffects } {
    const { queue } = this.#deps;
    const { promptId, content, by } = prompt;
    const paused = prompt.attempt >= MAX_ATTEMPTS;
    if (paused) queue.isPaused = true;
    const reason = paused
      ? `It did not reach Claude Code in ${MAX_ATTEMPTS} attempts.`
      : 'It did not reach Claude Code and runs again.';
    const change = queue.putBack({ ...prompt, attempt: paused ? 1 : prompt.attempt + 1 });
    return {
      events: [interrupted, { type: 'prompt_returned', promptId, content, by, reason, paused }],
      effects: { queue: [change] },
    };
  }

  /** The turn in flight when its child ended: as we had decided before, or as lost. */
  async #endWithChild(
    turn: Turn,
    over: ChildOver,
  ): Promise<{ events: EventBody[]; effects?: AppendEffects }> {
    const { turnId, own } = turn;
    if (own.kind === 'none') return this.settleLost(turn, `Claude Code ended (${over.cause}).`);
    const stopReason = own.kind === 'failed' ? ('failed' as const) : ('aborted' as const);
    const error = own.kind === 'failed' ? { code: own.code, message: own.message } : null;
    const ended: EventBody = { type: 'turn_ended', turnId, stopReason, error, ...ZERO };
    return { events: [ended], effects: this.#dropped(turn) };
  }

  #dropped(turn: { readonly prompt: WaitingPrompt | null }): AppendEffects {
    return turn.prompt === null ? {} : { queue: [this.#deps.queue.remove(turn.prompt.promptId)] };
  }

  async #wasDelivered(turnId: TurnId): Promise<boolean> {
    if (this.#cliSessionId === null) return false;
    return this.#deps.files.transcriptMentions(this.#cliSessionId, turnId);
  }
}

function startedEvent(turn: Turn): EventBody {
  const { turnId, prompt } = turn;
  return {
    type: 'turn_started',
    turnId,
    promptId: prompt?.promptId ?? null,
    content: prompt?.content ?? null,
    attempt: prompt?.attempt ?? 1,
  };
}

function credentialsRefused(status: number): OwnReason {
  return {
    kind: 'failed',
    code: 'credentials_refused',
    message:
      `The model's API refused the credentials (HTTP ${status}). Check ANTHROPIC_API_KEY, or whichever credential ` +
      'is set, and start Holdfast again; HOLDFAST_MODEL=demo works without any.',
  };
}
