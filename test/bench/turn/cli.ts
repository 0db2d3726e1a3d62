// The real CLI without Holdfast around it: started with the worker's own arguments, environment and containment,
// prompts written straight into its pipe. As lean as it can be, since the product is measured against it.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SessionSettings } from '@holdfast/shared/protocol';
import { findClaude } from '@holdfast/shared/runtime';
import { withDeadline } from '@holdfast/shared/util';
import { claudeArguments, claudeEnvironment } from '../../../apps/worker/src/agent/claude-command.ts';
import { planContainment } from '../../../apps/worker/src/process/containment.ts';

const TURN_LIMIT_MS = 60_000;
const EXIT_LIMIT_MS = 10_000;

/** Where a bare CLI runs: two folders of its own, and the demo model. */
export interface CliPlace {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Makes the folders and decides on the containment as a worker would. */
export async function makeCliPlace(dir: string, demoModelUrl: string): Promise<CliPlace> {
  const uid = process.getuid?.() ?? -1;
  const claude = findClaude(process.env);
  if (claude.status === 'missing') throw new Error(claude.problem);
  const containment = await planContainment('auto', uid);
  const configDir = join(dir, 'config');
  const cwd = join(dir, 'workspace');
  await mkdir(configDir, { recursive: true });
  await mkdir(cwd, { recursive: true });
  const env = claudeEnvironment({
    workerEnv: process.env,
    sessionId: `bench-${randomUUID()}`,
    configDir,
    scratchDir: join(dir, 'scratch'),
    demoModelUrl,
    isRoot: uid === 0,
  });
  return { command: [...containment.prefix, claude.path], cwd, env };
}

/** When what came out of the CLI, in ms of `performance.now()`. */
export interface TurnTimes {
  readonly startedAt: number;
  readonly firstLineAt: number;
  readonly firstDeltaAt: number;
  readonly resultAt: number;
}

export class BareCli implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #rest = '';
  #turn: { times: Record<keyof TurnTimes, number>; done: (times: TurnTimes) => void } | undefined;
  #settled: (() => void) | undefined;

  constructor(place: CliPlace, conversation: { readonly cliSessionId: string; readonly resume: boolean }) {
    const settings = SessionSettings.parse({});
    const [command = '', ...prefix] = place.command;
    this.#child = spawn(command, [...prefix, ...claudeArguments({ ...conversation, settings })], {
      cwd: place.cwd,
      env: place.env,
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    this.#closed = once(this.#child, 'close');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    this.#child.stdin?.on('error', () => undefined);
  }

  /** Writes a prompt and waits for its result; `startedAt` is now unless the clock ran before. */
  async prompt(text: string, startedAt: number = performance.now()): Promise<TurnTimes> {
    const { promise, resolve } = Promise.withResolvers<TurnTimes>();
    this.#turn = { times: { startedAt, firstLineAt: 0, firstDeltaAt: 0, resultAt: 0 }, done: resolve };
    const settled = new Promise<void>((settle) => (this.#settled = settle));
    this.#child.stdin?.write(
      `${JSON.stringify({
        type: 'user',
        message: { role: 'user', content: [{ type: 'text', text }] },
        parent_tool_use_id: null,
        session_id: '',
        uuid: randomUUID(),
        priority: 'later',
      })}\n`,
    );
    const times = await withDeadline(promise, { limitMs: TURN_LIMIT_MS, what: 'the result of a bare CLI' });
    await withDeadline(settled, { limitMs: TURN_LIMIT_MS, what: 'a bare CLI to settle' });
    return times;
  }

  /** Ends it as a host would after its only prompt: end of input, then waits for its exit. */
  async finish(): Promise<void> {
    this.#child.stdin?.end();
    await withDeadline(this.#closed, { limitMs: EXIT_LIMIT_MS, what: 'a bare CLI to exit' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#takeLine(line);
  }

  #takeLine(line: string): void {
    const turn = this.#turn;
    if (line.includes('"session_state_changed"') && line.includes('"idle"')) this.#settled?.();
    if (turn === undefined) return;
    const now = performance.now();
    turn.times.firstLineAt ||= now;
    if (line.includes('"content_block_delta"')) turn.times.firstDeltaAt ||= now;
    if (!line.startsWith('{"type":"result"')) return;
    const result: unknown = JSON.parse(line);
    if (typeof result !== 'object' || result === null || !('is_error' in result) || result.is_error) {
      throw new Error(`a bare CLI failed: ${line.slice(0, 500)}`);
    }
    turn.times.resultAt = now;
    this.#turn = undefined;
    turn.done(turn.times);
  }
}
