// One supervised part: starts it, waits until it is ready, starts it again when it dies, stops it in time.
//
//   stopped -> starting -> ready -> (death) -> waiting -> starting -> ...     any -> stopping -> stopped
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeadlineError, withDeadline } from '@holdfast/shared/util';
import { errorCode, UpFailure } from '../failure.ts';
import { lastComplaint, type PartLog } from '../logs.ts';
import { identifyProcess } from '../process/identity.ts';
import type { ProcessRecord } from '../process/record.ts';
import { spawnPart, type Launch } from '../process/spawn-part.ts';
import { afterDeath, NO_DEATHS } from './restart-policy.ts';

/** A part may compile and connect on a busy machine; beyond this it hangs. */
const READY_LIMIT_MS = 30_000;
const KILL_LIMIT_MS = 5_000;

/** What makes one part different from the others. */
export interface PartSpec {
  /** File-name-like: `worker-1`. */
  readonly name: string;
  readonly stopLimitMs: number;
  /** Called before each start. */
  prepare(): Promise<Launch> | Launch;
  /** Resolves to the end of the printed line once the part is ready; rejects or hangs when it never is. */
  awaitReady(child: ChildProcess, signal: AbortSignal): Promise<string>;
  /** Called when a start failed; true means that something was repaired and the start is worth one more try. */
  recover?(): Promise<boolean>;
}

export interface PartDeps {
  readonly log: PartLog;
  readonly record: ProcessRecord;
  readonly setpriv: string | undefined;
  readonly say: (line: string) => void;
}

type State =
  | { readonly kind: 'stopped' | 'waiting' }
  | { readonly kind: 'starting' | 'ready'; readonly child: ChildProcess }
  | { readonly kind: 'stopping'; readonly child: ChildProcess | undefined };

export class Part {
  readonly name: string;
  readonly #spec: PartSpec;
  readonly #deps: PartDeps;
  readonly #stop = new AbortController();
  #state: State = { kind: 'stopped' };
  #supervision: Promise<void> = Promise.resolve();

  constructor(spec: PartSpec, deps: PartDeps) {
    this.name = spec.name;
    this.#spec = spec;
    this.#deps = deps;
  }

  get log(): PartLog {
    return this.#deps.log;
  }

  /** The first start: resolves when the part is ready, throws {@link UpFailure} when it does not become so. */
  async start(): Promise<void> {
    this.log.rotate();
    const child = await this.#startOrRecover();
    this.#supervision = this.#supervise(child);
  }

  /** Asks the part to end, and kills it when it does not in time; resolves when its process is gone. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#state = { kind: 'stopping', child };
    this.#stop.abort();
    if (child !== undefined) await this.#end(child);
    await this.#supervision;
    this.#state = { kind: 'stopped' };
  }

  /** SIGKILL, now, also while it is being stopped; nothing is awaited. */
  killNow(): void {
    this.#child?.kill('SIGKILL');
  }

  get #child(): ChildProcess | undefined {
    return 'child' in this.#state ? this.#state.child : undefined;
  }

  async #startOrRecover(): Promise<ChildProcess> {
    try {
      return await this.#startOnce();
    } catch (error) {
      if (this.#isStopping() || !(await this.#spec.recover?.())) throw error;
      return this.#startOnce();
    }
  }

  async #startOnce(): Promise<ChildProcess> {
    const startedAt = performance.now();
    const launch = await this.#spec.prepare();
    if (this.#isStopping()) throw new UpFailure(`${this.name} was stopped.`, '');
    const logFrom = this.log.size();
    const child = this.log.withDescriptor((log) => spawnPart(launch, { setpriv: this.#deps.setpriv, log }));
    this.#state = { kind: 'starting', child };
    const gone = awaitExit(child);
    await this.#remember(child);
    try {
      const detail = await this.#readyOrGone(child, gone);
      this.#state = { kind: 'ready', child };
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      this.#deps.say(`${this.name.padEnd(10)} ready  ${detail} (${seconds} s)`);
      return child;
    } catch (error) {
      await this.#end(child);
      if (!this.#isStopping()) this.#state = { kind: 'stopped' };
      throw error instanceof UpFailure ? error : this.#explainStart(error, logFrom);
    }
  }

  async #readyOrGone(child: ChildProcess, gone: Promise<string>): Promise<string> {
    const abort = new AbortController();
    try {
      const ready = this.#spec.awaitReady(child, AbortSignal.any([abort.signal, this.#stop.signal]));
      const died = gone.then((how) => Promise.reject(new Error(how)));
      return await withDeadline(Promise.race([ready, died]), { limitMs: READY_LIMIT_MS, what: this.name });
    } finally {
      abort.abort();
    }
  }

  /** Runs for as long as the part is wanted: after each death waits a little and starts it again. */
  async #supervise(first: ChildProcess): Promise<void> {
    let child: ChildProcess | undefined = first;
    let history = NO_DEATHS;
    while (!this.#isStopping()) {
      const startedAt = performance.now();
      const how: string = child === undefined ? 'did not start' : await awaitExit(child);
      await this.#deps.record.remove(this.name);
      if (this.#isStopping()) return;
      const next = afterDeath(history, performance.now() - startedAt);
      history = next.history;
      this.#state = { kind: 'waiting' };
      const log = next.isCrashLoop ? `; it keeps dying, see ${this.log.path}` : '';
      this.#deps.say(`${this.name.padEnd(10)} ${how}; starting it again in ${next.delayMs / 1000} s${log}`);
      await sleep(next.delayMs, undefined, { signal: this.#stop.signal }).catch(() => {});
      child = this.#isStopping() ? undefined : await this.#startAgain();
    }
  }

  async #startAgain(): Promise<ChildProcess | undefined> {
    try {
      return await this.#startOrRecover();
    } catch (error) {
      if (!this.#isStopping()) this.#deps.say(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  async #remember(child: ChildProcess): Promise<void> {
    const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (identity !== undefined) await this.#deps.record.add(this.name, identity);
  }

  async #end(child: ChildProcess): Promise<void> {
    const gone = awaitExit(child);
    child.kill('SIGTERM');
    try {
      await withDeadline(gone, { limitMs: this.#spec.stopLimitMs, what: this.name });
    } catch {
      this.#deps.say(`${this.name.padEnd(10)} did not stop in ${this.#spec.stopLimitMs / 1000} s; killed`);
      child.kill('SIGKILL');
      await withDeadline(gone, { limitMs: KILL_LIMIT_MS, what: this.name }).catch(() => {});
    }
    await this.#deps.record.remove(this.name);
  }

  #explainStart(error: unknown, logFrom: number): UpFailure {
    const complaint = lastComplaint(this.log.tail(logFrom));
    if (complaint !== undefined)
      return new UpFailure(complaint, `(${this.name}; its log is ${this.log.path})`);
    const how =
      error instanceof DeadlineError ? `was not ready in ${READY_LIMIT_MS / 1000} s` : String(error);
    return new UpFailure(`${this.name} did not start: ${how}.`, `Its log is ${this.log.path}`);
  }

  #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }
}

/** Resolves when the process is gone, to a phrase that says how it ended. */
function awaitExit(child: ChildProcess): Promise<string> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve(describeExit(child.exitCode, child.signalCode));
  }
  const { promise, resolve } = Promise.withResolvers<string>();
  child.once('exit', (code, signal) => resolve(describeExit(code, signal)));
  child.once('error', (error) => resolve(`could not be run (${errorCode(error) ?? error.message})`));
  return promise;
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
}
