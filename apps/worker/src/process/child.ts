// One child process: spawned with pipes, its end as a value. Liveness is `exitCode === null && signalCode === null`;
// clean-up runs on `close`, when the pipes are read to their end, never on `exit`.
import type { ChildProcess } from 'node:child_process';
import spawn from 'cross-spawn';
import { createDeferred } from '@holdfast/shared/util';
import { createTail } from './tail.ts';

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The child's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Ends what the process leaves behind; called when it has exited. What it started may hold its pipes open: without
   * this, their end, and with it ours, would wait for that. `ended` waits for this, too. Must not reject.
   */
  readonly afterExit?: () => Promise<unknown>;
}

/** How a child ended. `spawnError`: it never started (`code` is the system's, `ENOENT` for a missing file). */
export type ChildEnd =
  | { readonly kind: 'exited'; readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly kind: 'spawn_failed'; readonly code: string; readonly message: string };

export interface Child {
  readonly pid: number | undefined;
  /** Whether the process lives: it has neither exited nor been ended by a signal. */
  isAlive(): boolean;
  /** Writes a line; false if the pipe is closed. Success means nothing: only an answer shows that it arrived. */
  write(line: string): boolean;
  /** Closes stdin: the CLI finishes its turn and exits. */
  endInput(): void;
  /** Stops or goes on reading stdout: the pipe's back-pressure then slows the child, nothing is dropped. */
  setReading(on: boolean): void;
  /** Sends a signal to the process we spawned (with containment, its outermost process). */
  signal(signal: NodeJS.Signals): void;
  /** The last part of stderr, as text. */
  stderrTail(): string;
  /** Settles once, on `close`: the last of stdout was given out before. */
  readonly ended: Promise<ChildEnd>;
}

const STDERR_TAIL_BYTES = 4_096;

/** Starts the child in a process group of its own, so that a Ctrl-C at our terminal does not reach it. */
export function spawnChild(
  command: ChildCommand,
  on: { readonly stdout: (chunk: Buffer) => void; readonly stdoutEnd: () => void },
): Child {
  const child = spawn(command.command, [...command.args], {
    cwd: command.cwd,
    env: { ...command.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const stderr = createTail(STDERR_TAIL_BYTES);
  const ended = createDeferred<ChildEnd>();
  child.stdout?.on('data', (chunk: Buffer) => on.stdout(chunk));
  child.stdout?.on('end', on.stdoutEnd);
  child.stderr?.on('data', (chunk: Buffer) => stderr.add(chunk));
  // A write to a dying child gives EPIPE here: the end itself arrives as `close`, so there is nothing to do.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on('error', () => {});
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (child.pid === undefined) {
      ended.resolve({ kind: 'spawn_failed', code: error.code ?? 'unknown', message: error.message });
    }
  });
  let leftBehind: Promise<unknown> = Promise.resolve();
  child.on('exit', () => {
    if (command.afterExit !== undefined) leftBehind = command.afterExit();
  });
  child.on('close', (exitCode, signal) => {
    void leftBehind.then(() => ended.resolve({ kind: 'exited', exitCode, signal }));
  });
  return handleOf(child, { stderr, ended: ended.promise });
}

function handleOf(
  child: ChildProcess,
  parts: { readonly stderr: { text(): string }; readonly ended: Promise<ChildEnd> },
): Child {
  const isAlive = (): boolean =>
    child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid,
    isAlive,
    write: (line) => {
      if (!isAlive() || child.stdin === null || !child.stdin.writable) return false;
      child.stdin.write(`${line}\n`);
      return true;
    },
    endInput: () => child.stdin?.end(),
    setReading: (on) => {
      if (on) child.stdout?.resume();
      else child.stdout?.pause();
    },
    signal: (signal) => {
      if (isAlive()) child.kill(signal);
    },
    stderrTail: () => parts.stderr.text(),
    ended: parts.ended,
  };
}
