// The turn in flight: begins it, follows what the CLI says, ends it exactly once, also when its child is lost.
// Every method is called by the session's loop or by a child callback; it appends events and wakes the loop.
import { setTimeout as pause } from 'node:timers/promises';
import {
  filesOf,
  mintTurnId,
  type EventBody,
  type SessionView,
  type TurnId,
} from '@holdfast/shared/protocol';
import { assertNever } from '@holdfast/shared/util';
import { EventMapper, type Signal } from '../agent/event-mapper.ts';
import type { ChildHost, ChildOver } from './child-host.ts';
import type { EventWriter } from './event-writer.ts';
import { dropped, joined, LostTurns } from './lost-turns.ts';
import type { PromptQueue, WaitingPrompt } from './prompt-queue.ts';
import type { Step } from './queue-commands.ts';
import type { SessionFiles } from './session-files.ts';
import { StallWatch } from './stall-watch.ts';
import type { StartFailure } from './start-failure.ts';
import { FILE_GONE, textsOf, type PromptBlocks } from './prompt-blocks.ts';
import { Steering, type SteerFate } from './steering.ts';
import { credentialsRefused, turnEnd, wasStopped, type OwnReason } from './turn-end.ts';
import { endedByUs, startedEvent, ZERO } from './turn-events.ts';
import {
  meaningOfResult,
  nextTurnState,
  type OpenTurn,
  type Turn,
  type TurnHappening,
  type TurnState,
} from './turn-state.ts';

/** After `result` the CLI tells that it is idle; a prompt written before that may be merged with its own work. */
const SETTLE_LIMIT_MS = 250;
/** A CLI that does not end its turn this long after an interrupt is ended itself. */
const ABORT_LIMIT_MS = 5_000;

/** A CLI that does not tell its state has begun the turn of a steered prompt, or lost it, by then. */
const STEER_LIMIT_MS = 5_000;

/** What only a CLI says that has a prompt. */
const SAID: ReadonlySet<EventBody['type']> = new Set([
  'message_delta',
  'message_completed',
  'tool_call_started',
]);

const NOTHING: Step = { events: [], effects: {} };

export interface TurnKeeperDeps {
  readonly writer: EventWriter;
  readonly child: ChildHost;
  readonly queue: PromptQueue;
  readonly files: SessionFiles;
  readonly blocks: PromptBlocks;
  readonly view: SessionView;
  /** The CLI's id of the conversation so far; null before the first child. */
  readonly cliSessionId: string | null;
  /** Silence of the CLI that people are told of, ms; 0: none. */
  readonly stallMs: number;
  readonly onTurnOver: () => void;
  /** A task of the CLI has begun or ended. */
  readonly onTask: () => void;
}

export class TurnKeeper {
  readonly #deps: TurnKeeperDeps;
  #mapper: EventMapper;
  #state: TurnState = { kind: 'none' };
  #cliSessionId: string | null;
  /** Whether the child may still say that it can't find the conversation: it has not begun any turn yet. */
  #isResuming: boolean;
  /** It did say so. */
  #isRefused = false;
  #settleTimer: NodeJS.Timeout | undefined;
  #whenOver: (() => void)[] = [];
  readonly #steering: Steering;
  readonly #lost: LostTurns;
  readonly #stall: StallWatch;

  constructor(deps: TurnKeeperDeps) {
    this.#deps = deps;
    this.#mapper = new EventMapper(deps.view.usage);
    this.#cliSessionId = deps.cliSessionId;
    this.#isResuming = deps.cliSessionId !== null;
    const { child, writer, queue, files } = deps;
    this.#lost = new LostTurns({ queue, files, cliSessionId: () => this.#cliSessionId });
    this.#stall = new StallWatch({
      limitMs: deps.stallMs,
      turnId: () => this.turnId,
      isAsking: () => writer.view.approvals.length > 0,
      push: (event) => writer.push([event]),
    });
    this.#steering = new Steering({
      queue,
      push: ({ events, effects }) => writer.push(events, effects),
      flushed: async () => writer.flushed(),
      write: (steerId, { content }) =>
        void deps.blocks(content).then((blocks) => child.prompt(steerId, blocks ?? textsOf(content), 'next')),
      withdraw: async (steerId) => child.withdraw(steerId),
      trace: async (steerId) => this.#lost.traceOf(steerId),
      onOver: () => this.#steerOver(),
    });
  }

  get cliSessionId(): string | null {
    return this.#cliSessionId;
  }

  /** The turn in flight. */
  get #turn(): OpenTurn | null {
    return this.#state.kind === 'open' ? this.#state : null;
  }

  get turnId(): TurnId | null {
    return this.#turn?.turnId ?? null;
  }

  /** The turn in flight, if prompts can still be put into it. */
  get openTurnId(): TurnId | null {
    return this.#turn?.prompt !== null && this.#turn?.own.kind === 'none' ? this.#turn.turnId : null;
  }

  /** Whether the CLI has this prompt: as the one of its turn, or on the way into it. */
  has(promptId: string): boolean {
    return this.#turn?.prompt?.promptId === promptId || this.#steering.promptId === promptId;
  }

  /** A prompt is on its way into the turn. */
  get isSteering(): boolean {
    return this.#steering.isBusy;
  }

  /** No turn is in flight, no prompt is on its way, and the CLI has settled after the last turn. */
  get isFree(): boolean {
    return this.#state.kind === 'none' && !this.#steering.isBusy;
  }

  /** The CLI works on something behind its turns. */
  get hasTasks(): boolean {
    return this.#mapper.outstandingTasks.length > 0;
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
    this.#isResuming = cliSessionId === this.#cliSessionId;
    this.#isRefused = false;
    this.#cliSessionId = cliSessionId;
    this.#mapper = new EventMapper(this.#mapper.usage);
  }

  /** The start of the turn is in the log before the prompt is on the pipe. */
  async begin(prompt: WaitingPrompt): Promise<void> {
    const { writer, queue, child } = this.#deps;
    const turn = this.#newTurn(prompt);
    this.#happen({ kind: 'begun', turn });
    writer.push([startedEvent(turn)], { queue: [queue.take(prompt.promptId)] });
    if (!(await writer.flushed())) return;
    // A child that died meanwhile is told by its end: the turn is then undelivered.
    const blocks = await this.#blocksOf(turn, prompt);
    if (blocks === null) return;
    child.prompt(turn.turnId, blocks);
    this.#stall.heard();
  }

  /** The prompt with the bytes of its files; null when the turn is over, which it is when one of them is gone. */
  async #blocksOf(turn: Turn, prompt: WaitingPrompt): Promise<readonly unknown[] | null> {
    if (filesOf(prompt.content).length === 0) return prompt.content;
    const blocks = await this.#deps.blocks(prompt.content);
    const open = this.#turn;
    if (open?.turnId !== turn.turnId) return null;
    if (blocks !== null && open.own.kind === 'none') return blocks;
    // The CLI has nothing of this turn: it will not say that the turn is over.
    const own = open.own.kind === 'none' ? FILE_GONE : open.own;
    this.#deps.writer.push([endedByUs(turn.turnId, own)], dropped(this.#deps.queue, turn));
    this.#happen({ kind: 'over' });
    this.#settled();
    return null;
  }

  /**
   * Puts the next prompt that is meant for the running turn on its way. Only once the CLI has acknowledged the turn's
   * own prompt: before that it could take the two for one.
   */
  steer(): void {
    const turn = this.#turn;
    if (turn === null || turn.prompt === null) return;
    const { turnId } = turn;
    this.#steering.offer(turnId, () => this.openTurnId === turnId && this.#turn?.isAcknowledged === true);
  }

  /** Takes one message of the CLI. */
  take(value: unknown): void {
    this.#stall.heard();
    const { events, signals } = this.#mapper.map(value, this.turnId);
    for (const signal of signals) if (signal.kind === 'turn_began') this.#onTurnBegan(signal);
    for (const event of events) {
      if (SAID.has(event.type)) this.#happen({ kind: 'answered' });
      this.#deps.writer.push([event]);
    }
    for (const signal of signals) this.#onSignal(signal);
    if (events.some(({ type }) => type === 'task_started' || type === 'task_ended')) this.#deps.onTask();
  }

  /** Ends what the CLI works on behind its turns: each is told by its `task_ended`. */
  stopTasks(): void {
    for (const taskId of this.#mapper.outstandingTasks) void this.#deps.child.stopTask(taskId);
  }

  /**
   * Asks the CLI to stop the turn, and ends the CLI if it does not. The first reason stays. A prompt on its way into
   * the turn is taken back first; `fate` says what becomes of it.
   */
  interrupt(own: OwnReason, fate: SteerFate): void {
    const turn = this.#turn;
    if (turn === null || turn.own.kind !== 'none') return;
    this.#happen({ kind: 'interrupt', own });
    void this.#steering.withdraw(fate);
    void this.#deps.child.interrupt();
    setTimeout(() => {
      if (this.turnId === turn.turnId) void this.#deps.child.end('abort_ignored', false);
    }, ABORT_LIMIT_MS).unref();
  }

  /** The child is gone: closes what it left open and ends the turn that was in flight. */
  async afterChild(over: ChildOver, exited: EventBody): Promise<void> {
    const turn = this.#turn;
    this.#isResuming = this.#cliSessionId !== null;
    const wasSettling = this.#state.kind === 'settling';
    this.#happen({ kind: 'child_gone' });
    if (wasSettling) this.#deps.onTurnOver();
    const closing = [...this.#mapper.closeOpenBlocks(turn?.turnId ?? null), exited];
    const steer = await this.#steering.childGone();
    const lost = turn === null ? NOTHING : await this.#endWithChild(turn, over);
    const end = joined([{ events: closing, effects: {} }, steer?.before, lost, steer?.after]);
    this.#deps.writer.push(end.events, end.effects);
  }

  /** What the last owner's end means for what it had given to its CLI. `reason` is a sentence for people. */
  async settleInherited(taken: readonly WaitingPrompt[], reason: string): Promise<Step> {
    return this.#lost.settleInherited(this.#deps.view, taken, reason);
  }

  /**
   * No child could be started: the prompt in front fails visibly instead of waiting for ever. One that only could not
   * go on with its conversation is followed by one that begins another.
   */
  failNext(failure: StartFailure): void {
    const { queue, writer } = this.#deps;
    const isRefused = this.#isRefused;
    this.#isRefused = false;
    if (isRefused) return;
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

  #newTurn(prompt: WaitingPrompt | null, turnId = mintTurnId()): Turn {
    return { turnId, prompt, costBeforeUsd: this.#mapper.costUsd };
  }

  /**
   * A turn that begins by itself belongs to the prompt that did not get into the turn before; without one it is the
   * CLI's own: background work that ended.
   */
  #onTurnBegan(signal: Extract<Signal, { kind: 'turn_began' }>): void {
    const { writer } = this.#deps;
    this.#isResuming = false;
    const isNew = signal.cliSessionId !== undefined && signal.cliSessionId !== this.#cliSessionId;
    if (isNew) this.#cliSessionId = signal.cliSessionId ?? null;
    const effects = isNew ? { meta: { cli: this.#cliSessionId ?? '' } } : undefined;
    if (this.#turn === null) {
      const steered = this.#steering.takeTurn();
      const turn = this.#newTurn(steered?.prompt ?? null, steered?.turnId);
      this.#happen({ kind: 'begun', turn });
      writer.push([startedEvent(turn)], effects);
      this.#stall.heard();
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
        if (signal.state !== 'idle') break;
        this.#settled();
        if (this.#turn === null) void this.#steering.settle();
        break;
      case 'prompt_acknowledged':
        this.#onAcknowledged(signal.uuid);
        break;
      case 'credentials_refused':
        this.interrupt(
          { kind: 'failed', ...credentialsRefused(signal.status) },
          { kind: 'return', behind: null },
        );
        break;
      case 'turn_began':
      case 'control_request':
      case 'control_cancel':
        break;
      default:
        assertNever(signal);
    }
  }

  #onAcknowledged(uuid: string): void {
    if (this.turnId === uuid) this.#happen({ kind: 'acknowledged', uuid });
    else this.#steering.acknowledged(uuid);
    this.steer();
  }

  #steerOver(): void {
    if (this.#turn !== null) this.steer();
    else if (this.#state.kind === 'none') this.#deps.onTurnOver();
  }

  /** A result before any turn began: the CLI can't find the conversation. The next child begins another one. */
  #resumeRefused(): void {
    this.#cliSessionId = null;
    this.#isResuming = false;
    this.#isRefused = true;
    void this.#deps.child.end('conversation_missing', false);
  }

  #onResult(result: Extract<Signal, { kind: 'turn_over' }>['result']): void {
    const turn = this.#turn;
    const meaning = meaningOfResult(this.#state, {
      isResuming: this.#isResuming,
      isOfBackground: result.origin !== undefined,
      isChildEnding: this.#deps.child.isEnding,
      wasStopped: wasStopped(result),
    });
    if (meaning === 'conversation_missing') return this.#resumeRefused();
    if (turn === null || meaning === 'not_ours') return;
    const costUsd = Math.max(0, this.#mapper.costUsd - turn.costBeforeUsd);
    this.#deps.writer.push(
      [{ type: 'turn_ended', turnId: turn.turnId, ...turnEnd(result, turn.own, costUsd) }],
      dropped(this.#deps.queue, turn),
    );
    this.#happen({ kind: 'over' });
    this.#settleTimer = setTimeout(() => this.#settled(), SETTLE_LIMIT_MS);
    setTimeout(() => {
      if (this.#turn === null) void this.#steering.settle();
    }, STEER_LIMIT_MS).unref();
  }

  /** The one place where the turn's state changes. */
  #happen(event: TurnHappening): void {
    const { kind } = this.#state;
    this.#state = nextTurnState(this.#state, event);
    if (kind === 'settling' && this.#state.kind !== 'settling') clearTimeout(this.#settleTimer);
    if (kind === 'open' && this.#state.kind !== 'open') for (const over of this.#whenOver.splice(0)) over();
  }

  #settled(): void {
    if (this.#state.kind !== 'settling') return;
    this.#happen({ kind: 'settled' });
    this.#deps.onTurnOver();
  }

  /** The turn in flight when its child ended: as we had decided before, or as lost. */
  async #endWithChild(turn: OpenTurn, over: ChildOver): Promise<Step> {
    const { turnId, own } = turn;
    const reason = `Claude Code ended (${over.cause}).`;
    const isDelivered = turn.isAcknowledged || turn.isAnswered;
    if (own.kind === 'none') return this.#lost.settle(turn, { reason, isDelivered });
    return { events: [endedByUs(turnId, own)], effects: dropped(this.#deps.queue, turn) };
  }
}
