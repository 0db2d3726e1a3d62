// Ends a child for good: first politely, then not. Every rung has a deadline, so this always comes to an end.
import { setTimeout as pause } from 'node:timers/promises';
import { DeadlineError, withDeadline } from '@holdfast/shared/util';
import type { Child } from './child.ts';
import { CHILD_MARKER, childrenOf, findMarked, type Containment } from './containment.ts';

export interface TerminateTimes {
  /** After closing stdin: the CLI finishes what it does and exits by itself. */
  readonly inputMs: number;
  /** After SIGINT: the CLI aborts its turn, kills its Bash child and exits 0. */
  readonly interruptMs: number;
  /** After SIGTERM: the CLI exits, but leaves what Bash started. */
  readonly termMs: number;
  /** After SIGKILL: only the kernel can be late. */
  readonly killMs: number;
}

/** Long enough for an idle CLI (about 0.15 s each), short enough that a session ends within 2 s. */
export const TERMINATE_TIMES: TerminateTimes = { inputMs: 500, interruptMs: 500, termMs: 400, killMs: 5_000 };

export interface TerminateOptions {
  readonly child: Child;
  readonly containment: Containment;
  readonly times?: TerminateTimes;
}

/**
 * Runs the ladder until the child has ended. What it started is gone then, too: with its namespace, or swept up by
 * its `afterExit`.
 */
export async function terminateChild(options: TerminateOptions): Promise<void> {
  const { child, containment } = options;
  const times = options.times ?? TERMINATE_TIMES;
  // A child whose stdout nobody reads can neither finish nor be seen to end.
  child.setReading(true);
  child.endInput();
  if (await endsWithin(child, times.inputMs)) return;
  await signalInner(child, containment, 'SIGINT');
  if (await endsWithin(child, times.interruptMs)) return;
  await signalInner(child, containment, 'SIGTERM');
  if (await endsWithin(child, times.termMs)) return;
  child.signal('SIGKILL');
  await endsWithin(child, times.killMs);
}

/** What is being killed may be starting something: it is looked for again until nothing is found. */
const MAX_SWEEPS = 20;
const SWEEP_PAUSE_MS = 10;

/** Kills everything that carries the session's marker, until nothing does. */
export async function sweep(childId: string): Promise<void> {
  for (let round = 0; round < MAX_SWEEPS; round += 1) {
    const pids = await findMarked(childId, CHILD_MARKER);
    if (pids.length === 0) return;
    for (const pid of pids) killQuietly(pid, 'SIGKILL');
    await pause(SWEEP_PAUSE_MS);
  }
}

/** In a namespace the outer process ignores polite signals: they go to the CLI inside. */
async function signalInner(child: Child, containment: Containment, signal: NodeJS.Signals): Promise<void> {
  if (containment === 'sweep' || child.pid === undefined) {
    child.signal(signal);
    return;
  }
  for (const pid of await childrenOf(child.pid)) killQuietly(pid, signal);
}

function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself in the meantime.
  }
}

async function endsWithin(child: Child, limitMs: number): Promise<boolean> {
  try {
    await withDeadline(child.ended, { limitMs, what: 'the end of a child' });
    return true;
  } catch (error) {
    if (error instanceof DeadlineError) return false;
    throw error;
  }
}
