// One real CLI under test: JSON lines both ways, waiting with deadlines, ended by its id.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createDeferred, withDeadline, type Deferred } from '@holdfast/shared/util';
import { createJsonLines } from '../../../apps/worker/src/agent/json-lines.ts';
import { isMatch, kindsOf, type Line, type Match } from './lines.ts';
import { killMarked } from './processes.ts';

/** Generous: the machine may be busy. It is a deadline, so a healthy run never waits for it. */
export const LIMIT_MS = 30_000;

export interface CliCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Value of the environment variable by which everything it starts is found. */
  readonly marker: string;
}

export interface CliExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ControlAnswer {
  readonly subtype: string;
  readonly response?: unknown;
  readonly error?: string;
}

export interface PromptOptions {
  readonly uuid?: string;
  /** When the CLI takes it if a turn is running. Left out by default, which is not what Holdfast does. */
  readonly priority?: 'now' | 'next' | 'later';
}

interface Waiter {
  readonly match: Match;
  readonly found: Deferred<Line>;
}

export class CliProcess implements AsyncDisposable {
  readonly lines: Line[] = [];
  /** Lines of stdout that are not JSON. */
  readonly badLines: string[] = [];
  readonly marker: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<CliExit>;
  readonly #waiters = new Set<Waiter>();
  #stderr = '';
  #nextRequest = 1;

  constructor(command: CliCommand) {
    this.marker = command.marker;
    this.#child = spawn(command.command, [...command.args], { cwd: command.cwd, env: { ...command.env } });
    const lines = createJsonLines();
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(lines.push(chunk)));
    this.#child.stdout.on('end', () => this.#take(lines.end()));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    // A write to a CLI that has ended gives EPIPE; what the test waits for then says so.
    this.#child.stdin.on('error', () => {});
    this.#ended = once(this.#child, 'close').then(() => ({
      code: this.#child.exitCode,
      signal: this.#child.signalCode,
    }));
    void this.#ended.then((exit) => this.#failWaiters(exit));
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('the CLI was not spawned');
    return pid;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get stderr(): string {
    return this.#stderr;
  }

  writeLine(text: string): void {
    this.#child.stdin.write(`${text}\n`);
  }

  send(message: Line): void {
    this.writeLine(JSON.stringify(message));
  }

  /** Writes a prompt and gives its uuid. */
  prompt(content: string | readonly Line[], options: PromptOptions = {}): string {
    const uuid = options.uuid ?? crypto.randomUUID();
    this.send({
      type: 'user',
      message: { role: 'user', content },
      parent_tool_use_id: null,
      session_id: '',
      ...options,
      uuid,
    });
    return uuid;
  }

  /** Writes a prompt and waits for the next result: the lines from then on, the result last. */
  async turn(content: string | readonly Line[], options: PromptOptions = {}): Promise<Line[]> {
    const from = this.lines.length;
    this.prompt(content, options);
    return this.linesUntil({ type: 'result' }, from);
  }

  /** The lines from index `from` to the first one that matches, which is the last of them. */
  async linesUntil(match: Match, from = 0): Promise<Line[]> {
    const found = await this.waitFor(match, { from });
    return this.lines.slice(from, this.lines.indexOf(found) + 1);
  }

  /** The first line from index `from` on (0 by default) that matches. Throws with what came instead. */
  async waitFor(
    match: Match,
    options: { readonly from?: number; readonly limitMs?: number } = {},
  ): Promise<Line> {
    const { from = 0, limitMs = LIMIT_MS } = options;
    const there = this.lines.slice(from).find((line) => isMatch(line, match));
    if (there !== undefined) return there;
    const waiter: Waiter = { match, found: createDeferred<Line>() };
    this.#waiters.add(waiter);
    try {
      if (!this.isAlive) void this.#ended.then((exit) => this.#failWaiters(exit));
      return await withDeadline(waiter.found.promise, { limitMs, what: describe(match) });
    } catch (error) {
      throw new Error(`no line with ${describe(match)}; ${this.describe(from)}`, { cause: error });
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** Sends a control request and gives the CLI's answer to it. */
  async control(request: Line): Promise<ControlAnswer> {
    const id = this.requestControl(request);
    const match = { type: 'control_response', response: { request_id: id } };
    const { response } = (await this.waitFor(match)) as unknown as { response: ControlAnswer }; // just matched
    return response;
  }

  /** Sends a control request without waiting; gives its id. */
  requestControl(request: Line): string {
    const id = `test-${this.#nextRequest}`;
    this.#nextRequest += 1;
    this.send({ type: 'control_request', request_id: id, request });
    return id;
  }

  /** Answers a request of the CLI's own, such as `can_use_tool`. */
  answer(request: Line, response: Line): void {
    const body = { subtype: 'success', request_id: request['request_id'], response };
    this.send({ type: 'control_response', response: body });
  }

  /** Closes stdin. */
  endInput(): void {
    this.#child.stdin.end();
  }

  /** Stops or goes on reading stdout. */
  setReading(on: boolean): void {
    if (on) this.#child.stdout.resume();
    else this.#child.stdout.pause();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for the end, when the pipes are closed too. */
  async exit(): Promise<CliExit> {
    try {
      return await withDeadline(this.#ended, { limitMs: LIMIT_MS, what: 'the end of the CLI' });
    } catch (error) {
      throw new Error(`the CLI did not end; ${this.describe(0)}`, { cause: error });
    }
  }

  /** What it wrote from line `from` on, for a failure message. */
  describe(from: number): string {
    const stderr = this.#stderr === '' ? '' : `; stderr: ${this.#stderr.slice(-2_000)}`;
    return `it wrote [${kindsOf(this.lines.slice(from)).join(', ')}]${stderr}`;
  }

  /** Ends it and everything it started; throws if something is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isAlive) this.#child.kill('SIGKILL');
    await killMarked(this.marker);
    await this.exit();
  }

  #take(results: ReturnType<ReturnType<typeof createJsonLines>['push']>): void {
    for (const result of results) {
      if (result.kind !== 'json') {
        this.badLines.push(result.kind === 'bad' ? result.text : `a line of ${result.bytes} bytes`);
        continue;
      }
      const line = result.value as Line; // the CLI writes objects; another value matches nothing
      this.lines.push(line);
      for (const waiter of this.#waiters) if (isMatch(line, waiter.match)) waiter.found.resolve(line);
    }
  }

  #failWaiters(exit: CliExit): void {
    for (const { found } of this.#waiters) found.reject(new Error(`the CLI ended: ${JSON.stringify(exit)}`));
  }
}

function describe(match: Match): string {
  return typeof match === 'function' ? match.toString() : JSON.stringify(match);
}
