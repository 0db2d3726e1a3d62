// The owner's side of one session: one loop that is woken with reasons, reads commands, keeps the child, runs the
// prompts one at a time. Child callbacks only append what they say and wake the loop.
import type { Command, CommandOf, EventBody, SessionId } from '@holdfast/shared/protocol';
import type { AppendEffects } from '@holdfast/shared/store';
import { assertNever } from '@holdfast/shared/util';
import { setTimeout as pause } from 'node:timers/promises';
import { SessionApprovals } from '../approvals/session-approvals.ts';
import { ChildCare } from './child-care.ts';
import { exitedEvent, startedEvents } from './child-events.ts';
import { ChildHost, type ChildOver, type ChildReady } from './child-host.ts';
import { CommandFeed } from './command-feed.ts';
import { EventWriter } from './event-writer.ts';
import { changeQueue, queuePrompt, type Step } from './queue-commands.ts';
import type { RunnerOver, SessionRunnerDeps, WakeReason } from './runner-deps.ts';
import { SETTINGS_CHANGED, SettingsKeeper } from './settings-keeper.ts';
import { startFailure } from './start-failure.ts';
import { TurnKeeper } from './turn-keeper.ts';

export type { RunnerOver, SessionRunnerDeps } from './runner-deps.ts';

/** After a failed step (Redis was away), the next try. */
const STEP_RETRY_MS = 250;

export class SessionRunner {
  readonly sessionId: SessionId;
  readonly #deps: SessionRunnerDeps;
  readonly #writer: EventWriter;
  readonly #child: ChildHost;
  readonly #turns: TurnKeeper;
  readonly #care: ChildCare;
  readonly #approvals: SessionApprovals;
  readonly #settings: SettingsKeeper;
  /** A person opened the session: a child is wanted although no prompt waits. */
  #wanted = false;
  #over: ChildOver | null = null;
  readonly #commands: CommandFeed;
  /**
   * running --stop--> draining: nothing begins any more, what runs goes on and is served --> stopping: the child is
   * ended --> over
   */
  #phase: 'running' | 'draining' | 'stopping' | 'over' = 'running';
  readonly #finished = Promise.withResolvers<void>();
  #reasons = new Set<WakeReason>();
  #loop: Promise<void> | null = null;
  /** Whether we have noted the session as active at this worker. */
  #isNoted = false;
  /** A gateway notes the session with each command it stores: that is to be cleared, too. */
  #isNotedByGateway = false;
  constructor(deps: SessionRunnerDeps) {
    this.#deps = deps;
    this.sessionId = deps.owner.sessionId;
    this.#commands = new CommandFeed(deps.inbox, this.sessionId, deps.meta.inboxAcked);
    const { log, logger, owner, view, now, files, queue } = deps;
    this.#writer = new EventWriter({
      log,
      logger,
      owner,
      view,
      now,
      onLost: (reason) => {
        logger.warn({ sessionId: this.sessionId, fence: owner.fence, reason }, 'the session was lost');
        this.wake('lost');
      },
      onPressure: (isPaused) => this.#child.setReading(!isPaused),
    });
    this.#child = new ChildHost(
      { ...deps.environment, sessionId: this.sessionId, files },
      {
        onReady: (ready) => this.#onReady(ready),
        onMessage: (value) => {
          if (!this.#approvals.take(value)) this.#turns.take(value);
        },
        onBadLine: (text) => logger.warn({ sessionId: this.sessionId, pii: { text } }, 'a line was not JSON'),
        onOver: (over) => {
          this.#over = over;
          this.wake('child_over');
        },
      },
    );
    this.#care = new ChildCare({
      ...{ sessionId: this.sessionId, child: this.#child, writer: this.#writer },
      ...{ admission: deps.admission, limits: deps.limits },
      onMayStart: () => this.wake('may_start'),
    });
    this.#turns = new TurnKeeper({
      ...{ writer: this.#writer, child: this.#child, queue, files, view, blocks: deps.blocks },
      cliSessionId: deps.meta.cliSessionId,
      stallMs: deps.limits.stallMs,
      onTurnOver: () => {
        this.#care.turnSucceeded();
        this.wake('turn_over');
      },
      onTask: () => this.wake('task'),
    });
    this.#approvals = new SessionApprovals({
      ...{ ...deps.approvals, writer: this.#writer, child: this.#child, owner, now, logger },
      ...{ userId: deps.meta.userId, cwd: deps.meta.cwd, turnId: () => this.#turns.turnId },
    });
    this.#settings = new SettingsKeeper({
      ...{ ...deps.meta, writer: this.#writer, child: this.#child, trust: deps.approvals.trust, logger },
      setMode: (mode) => this.#approvals.setMode(mode),
    });
  }

  /** Since when the child has had nothing to do; null when there is none or it is busy. */
  get idleSince(): number | null {
    return this.#care.idleSince;
  }

  /** Stops an idle child and puts the session to rest: its next command finds a new owner. */
  park(reason: string): boolean {
    return this.#isRunning() && this.#care.park(reason);
  }

  /** Whether a child lives or is being started: what counts against the worker's capacity. */
  get hasChild(): boolean {
    return this.#child.state !== 'none';
  }

  /** Redis was away: what it lost of the log is appended again; `inboxHead` is smaller if it lost commands, too. */
  async reconnected(inboxHead: number): Promise<void> {
    this.#commands.reset(inboxHead);
    await this.#writer.verify();
    this.wake('doorbell');
  }

  /** A message of the session's doorbell. */
  ring(body: string): void {
    this.#commands.ring(body);
    this.wake('doorbell');
  }

  /** Records why and lets the loop decide. Cheap; may be called from anywhere. */
  wake(reason: WakeReason): void {
    this.#reasons.add(reason);
    this.#loop ??= this.#run();
  }

  /** Somebody else owns the session, whatever Redis says: nothing more is written, and the child ends. */
  lose(): void {
    this.#writer.giveUp();
    this.wake('lost');
  }

  /** Writes the claim's first append (with the end of a turn that the last owner left open), then begins to serve. */
  async start(): Promise<void> {
    const { owner, workerId, taken } = this.#deps;
    const changed: EventBody = { type: 'owner_changed', workerId, fence: owner.fence };
    const lost = await this.#turns.settleInherited(taken, 'The worker that ran it was lost.');
    const asked = await this.#approvals.inherited(this.#deps.view);
    this.#writer.push([changed, ...asked.events, ...lost.events], { ...lost.effects, ...asked.effects });
    this.wake('started');
  }

  /**
   * Hands the session back: a running turn gets `graceMs` to end, nothing new begins, the child is ended and what is
   * left to write is written. Resolves to whether prompts wait for the next owner.
   */
  async stop(graceMs: number): Promise<{ hasWork: boolean }> {
    if (this.#phase === 'running') this.#phase = 'draining';
    // A session that is lost or deleted meanwhile has no turn to wait for.
    if (graceMs > 0) await Promise.race([this.#turns.whenFree(graceMs), this.#finished.promise]);
    if (this.#phase === 'draining') this.#phase = 'stopping';
    await this.#child.end('worker_stopping', true);
    this.wake('stop');
    await this.#loop;
    await this.#writer.flushed();
    return { hasWork: this.#deps.queue.next() !== undefined };
  }

  async #run(): Promise<void> {
    // One microtask later, so that wakes of the same moment are one step.
    await Promise.resolve();
    while (this.#reasons.size > 0 && this.#phase !== 'over') {
      const reasons = [...this.#reasons];
      this.#reasons.clear();
      this.#deps.logger.debug({ sessionId: this.sessionId, reasons }, 'session step');
      try {
        await this.#step(reasons);
      } catch (error) {
        this.#deps.logger.error(
          { err: error, sessionId: this.sessionId },
          'a session step failed and is repeated',
        );
        for (const reason of reasons) this.#reasons.add(reason);
        await pause(STEP_RETRY_MS);
      }
    }
    this.#loop = null;
  }

  async #step(reasons: readonly WakeReason[]): Promise<void> {
    if (reasons.includes('lost')) {
      await this.#child.end('lost_ownership', true);
      this.#finish('lost');
      return;
    }
    if (this.#over !== null) await this.#afterChild(this.#over);
    if (!this.#isServing()) return;
    if (reasons.includes('started') || reasons.includes('doorbell')) await this.#readInbox();
    if (this.#isRunning()) await this.#advance();
    this.#noteActivity();
    this.#care.watch(this.#isIdle());
  }

  /** Nothing runs, waits, or goes on behind the turns. */
  #isIdle(): boolean {
    const isSettled = this.#turns.isFree && !this.#turns.hasTasks && this.#approvals.isEmpty;
    return this.#child.state === 'ready' && isSettled && this.#deps.queue.next() === undefined;
  }

  /** Keeps the worker's set of active sessions: what a reaper would have to place anew. */
  #noteActivity(): void {
    const isWorking = !this.#turns.isFree || !this.#approvals.isEmpty;
    const isActive = isWorking || this.#deps.queue.next() !== undefined;
    const isCleared = !this.#isNoted && !this.#isNotedByGateway;
    if (isActive ? this.#isNoted : isCleared) return;
    this.#isNoted = isActive;
    this.#isNotedByGateway = false;
    this.#deps.onActive(isActive);
  }

  /** Commands are read and obeyed, also while the turn that runs is given time to end. */
  #isServing(): boolean {
    return this.#phase === 'running' || this.#phase === 'draining';
  }

  /** A separate function, so that the compiler does not believe the phase of before an await. */
  #isRunning(): boolean {
    return this.#phase === 'running';
  }

  /** Starts what can start: a child that is wanted, or the next prompt on a child that is ready and settled. */
  async #advance(): Promise<void> {
    const next = this.#deps.queue.next();
    if (!this.#turns.isFree) return;
    if (this.#settings.isStale && this.#child.state === 'ready') {
      // What goes on behind the turns would end with the child: it is left alone until a prompt waits.
      if (next !== undefined || (!this.#turns.hasTasks && this.#approvals.isEmpty))
        await this.#child.end(SETTINGS_CHANGED, true);
      return;
    }
    if (next === undefined && !this.#wanted) return;
    if (this.#child.state === 'none') await this.#startChild();
    if (next !== undefined && this.#child.state === 'ready') await this.#turns.begin(next);
  }

  async #startChild(): Promise<void> {
    const { settings } = this.#writer.view;
    const asking = await this.#approvals.starting(settings);
    const isTrusted = await this.#settings.starting(settings);
    if (!this.#isRunning() || !this.#care.mayStart()) return;
    const { cwd } = this.#deps.meta;
    this.#child.start({ cwd, settings, ...asking, isTrusted, cliSessionId: this.#turns.cliSessionId });
  }

  async #readInbox(): Promise<void> {
    const { commands, isRead } = await this.#commands.next();
    for (const { seq, command } of commands) {
      this.#commands.taken(seq);
      this.#isNotedByGateway = true;
      const isAppended = command !== null && (await this.#obey(command, { ackSeq: seq }));
      if (!this.#isServing()) return;
      if (!isAppended) await this.#deps.inbox.acknowledge(this.#deps.owner, seq);
    }
    if (isRead && commands.length > 0) this.wake('doorbell');
  }

  /** Carries a command out. Returns whether an append acknowledges it. */
  async #obey(command: Command, effects: AppendEffects): Promise<boolean> {
    switch (command.type) {
      case 'open':
        this.#wanted = !this.hasChild;
        return false;
      case 'prompt':
        return this.#enqueue(command, effects);
      case 'abort':
        return this.#abort(command, effects);
      case 'promptEdit':
      case 'promptCancel':
      case 'promptMove':
      case 'resumeQueue':
        return this.#append(changeQueue(this.#deps.queue, command), effects);
      case 'decide':
        return this.#decide(command, effects);
      case 'bypass':
        return this.#approvals.bypass(command, effects);
      case 'set':
        return this.#settings.set(command, effects);
      case 'delete':
        await this.#delete();
        return true;
      default:
        return assertNever(command);
    }
  }

  #append(step: Step | null, effects: AppendEffects): boolean {
    if (step === null) return false;
    this.#writer.push(step.events, { ...effects, ...step.effects });
    return true;
  }

  #enqueue(command: CommandOf<'prompt'>, effects: AppendEffects): boolean {
    const { promptId, by } = command;
    const { queue } = this.#deps;
    if (queue.has(promptId) || this.#turns.has(promptId)) return false;
    const turnId = this.#turns.openTurnId;
    const step = queuePrompt(queue, command, turnId);
    if (command.whenBusy !== 'interrupt' || this.#turns.turnId === null) {
      this.#append(step, effects);
      if (command.whenBusy === 'steer') this.#turns.steer();
      return true;
    }
    const aborted = { queue: 'keep', background: 'keep', by } as const;
    const abort: EventBody = { type: 'abort_requested', turnId: this.#turns.turnId, ...aborted };
    this.#append({ ...step, events: [abort, ...step.events] }, effects);
    this.#turns.interrupt({ kind: 'aborted' }, { kind: 'return', behind: promptId });
    return true;
  }

  #abort(command: CommandOf<'abort'>, effects: AppendEffects): boolean {
    const { turnId, queue: fate, background, by } = command;
    const { queue } = this.#deps;
    const cleared = fate === 'clear' ? queue.clear() : [];
    const isCurrent = turnId !== null && this.#turns.turnId === turnId;
    const stopsTasks = background === 'stop' && this.#turns.hasTasks;
    if (!isCurrent && cleared.length === 0 && !stopsTasks) return false;
    // A prompt on its way into the turn comes back and waits too, unless it is dropped.
    if (queue.size > 0 || (isCurrent && fate === 'keep' && this.#turns.isSteering)) queue.isPaused = true;
    const event: EventBody = { type: 'abort_requested', turnId, queue: fate, background, by };
    this.#writer.push([event], { ...effects, queue: cleared });
    if (isCurrent) {
      const kept = { kind: 'return', behind: null } as const;
      this.#turns.interrupt({ kind: 'aborted' }, fate === 'clear' ? { kind: 'cancel', by } : kept);
    }
    if (stopsTasks) this.#turns.stopTasks();
    return true;
  }

  async #decide(command: CommandOf<'decide'>, effects: AppendEffects): Promise<boolean> {
    const { decision, by } = command;
    const turnId = this.#turns.turnId;
    const isCarriedOut = await this.#approvals.decide(command, effects);
    if (isCarriedOut && decision.kind === 'deny' && decision.stop) {
      this.#abort({ type: 'abort', turnId, queue: 'keep', background: 'keep', by }, {});
    }
    return isCarriedOut;
  }

  async #delete(): Promise<void> {
    this.#phase = 'stopping';
    await this.#child.end('session_deleted', true);
    this.#writer.giveUp(); // the log goes with the session: what waits for Redis is not waited for
    await this.#deps.files.remove();
    this.#finish('deleted');
  }

  #finish(reason: RunnerOver): void {
    this.#phase = 'over';
    this.#care.stop();
    this.#approvals.stop();
    this.#finished.resolve();
    this.#deps.onOver(reason);
  }

  #onReady(ready: ChildReady): void {
    const { environment } = this.#deps;
    this.#wanted = false;
    this.#turns.childReady(ready.cliSessionId);
    const events = startedEvents({ view: this.#writer.view, ready, environment });
    this.#writer.push(events, { meta: { cli: ready.cliSessionId } });
    this.wake('child_ready');
  }

  /** The child is gone: says why, settles the turn that was in flight, and lets the queue go on. */
  async #afterChild(over: ChildOver): Promise<void> {
    this.#over = null;
    this.#wanted = over.cause === SETTINGS_CHANGED;
    const wasParked = this.#care.ended();
    this.#approvals.childGone(over.cause);
    // While it was ending, it may have begun a turn of its own, and a prompt may have come.
    const hasWork = this.#turns.turnId !== null || this.#deps.queue.next() !== undefined;
    if (wasParked && !hasWork) return this.#rest(over.cause);
    await this.#turns.afterChild(over, exitedEvent(over));
    if (over.expected) return;
    if (!over.wasReady) this.#turns.failNext(startFailure(over, this.#deps.environment.findCliProblem));
    this.#care.backOff();
  }

  /** The parked session's log is compacted to its snapshot, and the session is given up. */
  async #rest(reason: string): Promise<void> {
    this.#writer.compact();
    this.#writer.push([{ type: 'child_parked', reason }]);
    if (!(await this.#writer.flushed())) return;
    // A command that came while the child was ending is served at once, with a new child.
    if (await this.#commands.hasMore()) this.wake('doorbell');
    else this.#finish('parked');
  }
}
