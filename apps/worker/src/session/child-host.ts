// The one child of a session: starts it (bounded cold starts, ready probe), ends it, tells what happens to it.
// Knows nothing of turns or Redis; every callback is synchronous and in order.
import { stat } from 'node:fs/promises';
import {
  mintId,
  mintTurnId,
  type ModelSource,
  type SessionId,
  type SessionSettings,
} from '@holdfast/shared/protocol';
import { metrics } from '@holdfast/shared/runtime';
import { z } from 'zod';
import { claudeArguments, claudeEnvironment } from '../agent/claude-command.ts';
import {
  ClaudeChild,
  type ChildEvent,
  type ControlResult,
  type PromptPriority,
} from '../agent/claude-child.ts';
import { GUARD_HOOKS } from '../approvals/cli-asks.ts';
import type { ProviderProxy, ProviderSeat } from '../agent/provider-proxy.ts';
import type { BridgeSeat } from '../approvals/mcp-bridge.ts';
import { NO_RULES, type SpawnRules } from '../approvals/policy.ts';
import { prepareWorkspace, type Ignored } from '../agent/workspace-config.ts';
import type { ChildEnd } from '../process/child.ts';
import { childrenOf, type ContainmentPlan } from '../process/containment.ts';
import { sweep, terminateChild } from '../process/terminate.ts';
import { childOf, endingOf, nextChildState, type ChildHappening, type ChildState } from './child-state.ts';
import type { ColdStarts } from './cold-starts.ts';
import type { SessionFiles } from './session-files.ts';

/** What all children of a worker have in common. */
export interface ChildEnvironment {
  /** null: the CLI was not found when the worker started. */
  readonly claudePath: string | null;
  /** Looks for the CLI again and says what is wrong; null when nothing is. Only asked when a start failed. */
  readonly findCliProblem: () => string | null;
  readonly containment: ContainmentPlan;
  readonly modelSource: ModelSource;
  /** Address of the demo model; null in real mode. */
  readonly demoModelUrl: string | null;
  readonly workerEnv: Readonly<Record<string, string | undefined>>;
  /** Keeps the provider's key from children; null where there is none, or it can't be kept. */
  readonly provider?: ProviderProxy | null;
  readonly isRoot: boolean;
  readonly coldStarts: ColdStarts;
  /** Told of every child: it stops or ends them when this worker can't. */
  readonly guardian: {
    readonly childStarted: (
      sessionId: string,
      child: { readonly childId: string; readonly pid: number },
    ) => void;
    readonly childGone: (sessionId: string) => void;
  };
}

/** What starting needs to know of the session. */
export interface StartOptions {
  readonly cwd: string;
  readonly settings: SessionSettings;
  /** The CLI's id of the conversation so far; null before the first child. */
  readonly cliSessionId: string | null;
  /** Rules of the operator and the user. */
  readonly rules?: SpawnRules;
  /** Where the CLI asks for leave; without it, on its own pipe. */
  readonly bridge?: Pick<BridgeSeat, 'url' | 'token'> | undefined;
  readonly isTrusted?: boolean;
}

export interface ChildReady {
  readonly pid: number;
  readonly cliVersion: string | null;
  readonly cliSessionId: string;
  readonly resumed: boolean;
  /** What of the project's configuration has no effect since the workspace is not trusted. */
  readonly ignored: readonly Ignored[];
}

/** The end of a child, or of the attempt to start one. */
export interface ChildOver {
  readonly end: ChildEnd;
  /** The first cause: what we asked for, or `crashed`. */
  readonly cause: string;
  readonly expected: boolean;
  readonly wasReady: boolean;
  readonly stderrTail: string;
}

export interface ChildCallbacks {
  readonly onReady: (ready: ChildReady) => void;
  readonly onMessage: (value: unknown) => void;
  readonly onBadLine: (text: string) => void;
  readonly onOver: (over: ChildOver) => void;
}

/** A cold start takes about 0.7 s alone and 10 s in a burst of eight on two cores; this is for a hung one. */
const READY_LIMIT_MS = 60_000;
const CONTROL_LIMIT_MS = 5_000;

/** How a start ends that was called off before there was a process. */
const NEVER_STARTED: ChildEnd = { kind: 'exited', exitCode: null, signal: null };

const WithdrawAnswer = z.looseObject({ cancelled: z.boolean() });
const VersionAnswer = z.looseObject({ version: z.string().optional() });

export class ChildHost {
  readonly #deps: ChildEnvironment & { readonly sessionId: SessionId; readonly files: SessionFiles };
  readonly #on: ChildCallbacks;
  #seat: ProviderSeat | undefined;
  #state: ChildState<ClaudeChild> = { kind: 'none' };
  /** When the present start was asked for, by the monotonic clock. */
  #wantedAt = 0;
  #root: { readonly childId: string; readonly pid: number } | undefined;
  /** The folders that are being made for a child. */
  #folders: Promise<void> = Promise.resolve();

  constructor(
    deps: ChildEnvironment & { readonly sessionId: SessionId; readonly files: SessionFiles },
    on: ChildCallbacks,
  ) {
    this.#deps = deps;
    this.#on = on;
  }

  /** `ending` until it is over: nothing may be given to it any more. */
  get state(): 'none' | 'starting' | 'ready' | 'ending' {
    if (this.isEnding) return 'ending';
    return this.#state.kind === 'spawned' ? 'starting' : this.#state.kind;
  }

  /** The outermost process of the child, and its marker; undefined while there is none. */
  get root(): { readonly childId: string; readonly pid: number } | undefined {
    return this.#state.kind === 'none' ? undefined : this.#root;
  }

  /** Whether we are ending the child: what it says from now on may be about that. */
  get isEnding(): boolean {
    return endingOf(this.#state) !== null;
  }

  /** Starts a child if there is none. The outcome comes as `onReady` or `onOver`. */
  start(options: StartOptions): void {
    if (this.#state.kind !== 'none') return;
    this.#happen({ kind: 'start' });
    this.#wantedAt = performance.now();
    void this.#deps.coldStarts
      .run(async () => this.#startNow(options))
      .catch((error: unknown) => {
        this.#over({ kind: 'spawn_failed', code: 'start_failed', message: messageOf(error) }, '');
      });
  }

  /** Writes a prompt to a ready child; false when there is none. `next`: it may enter the running turn. */
  prompt(uuid: string, content: readonly unknown[], priority: PromptPriority = 'later'): boolean {
    return this.#state.kind === 'ready' && this.#state.child.prompt(uuid, content, priority);
  }

  /** Takes back a prompt that the CLI has not used yet; false when it has, null when it does not say. */
  async withdraw(uuid: string): Promise<boolean | null> {
    if (this.#state.kind !== 'ready') return null;
    const request = { subtype: 'cancel_async_message', message_uuid: uuid };
    const answer = await this.#state.child.control(request, CONTROL_LIMIT_MS);
    if (answer.status !== 'ok') return null;
    return WithdrawAnswer.safeParse(answer.response).data?.cancelled ?? null;
  }

  /** Asks the CLI to stop its turn; it stays warm. */
  async interrupt(): Promise<ControlResult> {
    if (this.#state.kind !== 'ready') return { status: 'ended' };
    return this.#state.child.control({ subtype: 'interrupt' }, CONTROL_LIMIT_MS);
  }

  /** Asks the CLI to end a task that it works on behind its turns. */
  async stopTask(taskId: string): Promise<ControlResult> {
    if (this.#state.kind !== 'ready') return { status: 'ended' };
    return this.#state.child.control({ subtype: 'stop_task', task_id: taskId }, CONTROL_LIMIT_MS);
  }

  /** Sends the CLI a control request. */
  async request(request: { readonly subtype: string } & Record<string, unknown>): Promise<ControlResult> {
    if (this.#state.kind !== 'ready') return { status: 'ended' };
    return this.#state.child.control(request, CONTROL_LIMIT_MS);
  }

  answer(requestId: string, response: Record<string, unknown>): void {
    if (this.#state.kind === 'ready') this.#state.child.answer(requestId, response);
  }

  setReading(on: boolean): void {
    childOf(this.#state)?.process.setReading(on);
  }

  /**
   * Ends the child by the ladder; the first cause wins. Resolves when it is over. Where there is none yet, the start is
   * called off; nothing is made for it any more after this.
   */
  async end(cause: string, expected: boolean): Promise<void> {
    this.#happen({ kind: 'end', cause: { text: cause, expected } });
    const child = childOf(this.#state);
    if (child === null) return this.#folders;
    // Without this, a CLI whose input ends tells its model of the background work that it ended: a turn of its own.
    if (this.#state.kind === 'ready') void child.control({ subtype: 'end_session' }, CONTROL_LIMIT_MS);
    await terminateChild({ child: child.process, containment: this.#deps.containment.kind });
  }

  #happen(event: ChildHappening<ClaudeChild>): void {
    this.#state = nextChildState(this.#state, event);
  }

  async #startNow(options: StartOptions): Promise<void> {
    const { deps, files } = { deps: this.#deps, files: this.#deps.files };
    if (this.isEnding) return this.#over(NEVER_STARTED, '');
    if (deps.claudePath === null) {
      return this.#over({ kind: 'spawn_failed', code: 'ENOENT', message: 'no claude executable' }, '');
    }
    if (!(await isFolder(options.cwd))) {
      return this.#over({ kind: 'spawn_failed', code: 'cwd_missing', message: options.cwd }, '');
    }
    const earlier = options.cliSessionId;
    const resume = earlier !== null && (await files.hasTranscript(earlier));
    const cliSessionId = resume ? earlier : mintTurnId();
    // It may have been asked to end while we waited, here and below.
    if (this.isEnding) return this.#over(NEVER_STARTED, '');
    const { cwd, isTrusted = false } = options;
    const config = files
      .configDir()
      .then(async (configDir) => ({ configDir, ...(await prepareWorkspace({ configDir, cwd, isTrusted })) }));
    const folders = Promise.all([config, files.scratchDir()]);
    this.#folders = folders.then(
      () => {},
      () => {},
    );
    const [{ configDir, mcpServers, ignored }, scratchDir] = await folders;
    if (this.isEnding) return this.#over(NEVER_STARTED, '');
    const childId = mintId();
    const { settings, rules = NO_RULES, bridge } = options;
    const provider = deps.provider?.seat();
    this.#seat = provider;
    const [command = '', ...args] = [
      ...deps.containment.prefix,
      deps.claudePath,
      ...claudeArguments({ cliSessionId, resume, settings, rules, mcpServers, bridge }),
    ];
    const child = new ClaudeChild(
      {
        command,
        args,
        cwd: options.cwd,
        env: claudeEnvironment({ ...deps, childId, configDir, scratchDir, bridge, provider }),
        ...(deps.containment.kind === 'sweep' ? { afterExit: async () => sweep(childId) } : {}),
      },
      (event) => this.#onChild(child, event),
    );
    this.#happen({ kind: 'spawned', child });
    if (child.process.pid !== undefined) {
      this.#root = { childId, pid: child.process.pid };
      deps.guardian.childStarted(deps.sessionId, this.#root);
    }
    await this.#awaitReady(child, { cliSessionId, resume, ignored });
  }

  async #awaitReady(
    child: ClaudeChild,
    start: { readonly cliSessionId: string; readonly resume: boolean; readonly ignored: readonly Ignored[] },
  ): Promise<void> {
    const answer = await child.control({ subtype: 'initialize', hooks: GUARD_HOOKS }, READY_LIMIT_MS);
    if (answer.status === 'ended') return;
    if (answer.status !== 'ok') return this.end('not_ready', false);
    const version = await child.control({ subtype: 'get_binary_version' }, CONTROL_LIMIT_MS);
    const outer = child.process.pid;
    if (outer === undefined || !child.process.isAlive()) return;
    const inner = this.#deps.containment.kind === 'namespace' ? (await childrenOf(outer))[0] : outer;
    if (childOf(this.#state) !== child) return;
    this.#happen({ kind: 'initialised' });
    if (this.#state.kind !== 'ready') return;
    const ready: ChildReady = {
      pid: inner ?? outer,
      cliVersion:
        version.status === 'ok' ? (VersionAnswer.safeParse(version.response).data?.version ?? null) : null,
      cliSessionId: start.cliSessionId,
      resumed: start.resume,
      ignored: start.ignored,
    };
    metrics.coldStartSeconds.observe((performance.now() - this.#wantedAt) / 1_000);
    this.#on.onReady(ready);
  }

  #onChild(child: ClaudeChild, event: ChildEvent): void {
    switch (event.kind) {
      case 'message':
        this.#on.onMessage(event.value);
        break;
      case 'bad_line':
        this.#on.onBadLine(event.text);
        break;
      case 'line_too_long':
        void this.end('stdout_line_too_long', false);
        break;
      case 'ended':
        this.#over(event.end, child.process.stderrTail());
        break;
    }
  }

  #over(end: ChildEnd, stderrTail: string): void {
    const wasReady = this.#state.kind === 'ready';
    const cause = endingOf(this.#state) ?? {
      text: end.kind === 'spawn_failed' ? 'spawn_failed' : 'crashed',
      expected: false,
    };
    this.#seat?.close();
    this.#seat = undefined;
    this.#happen({ kind: 'over' });
    this.#deps.guardian.childGone(this.#deps.sessionId);
    this.#on.onOver({ end, cause: cause.text, expected: cause.expected, wasReady, stderrTail });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
