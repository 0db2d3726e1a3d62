// Watches, from outside, which children of a session are living and running at the same moment: two that are both
// neither dead nor frozen would write one transcript. Read from /proc, as often as it can be.
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { CHILD_MARKER } from '../../../apps/worker/src/process/containment.ts';

const LOOK_EVERY_MS = 40;

export interface ChildProcessInfo {
  readonly pid: number;
  /** Which child of the worker it belongs to. */
  readonly childId: string;
  /** One letter as in /proc; T is stopped. */
  readonly state: string;
}

/** The living processes of all children of a session. */
export async function childProcesses(sessionId: string): Promise<ChildProcessInfo[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      if (!environment.includes(sessionId)) return null;
      const marker = environment.split('\0').find((entry) => entry.startsWith(`${CHILD_MARKER}=`));
      const state = await stateOf(pid);
      if (marker === undefined || state === '' || state === 'Z' || state === 'X') return null;
      return { pid, childId: marker.slice(CHILD_MARKER.length + 1), state };
    }),
  );
  return found.filter((info) => info !== null);
}

/** Whether every process of the session's children is stopped; false when there is none. */
export async function areAllFrozen(sessionId: string): Promise<boolean> {
  const all = await childProcesses(sessionId);
  return all.length > 0 && all.every((info) => info.state === 'T');
}

export class ChildWatch implements AsyncDisposable {
  /** How often it looked. */
  looks = 0;
  /** The most children that ran at one moment. */
  most = 0;
  /** Every child that was ever seen. */
  readonly children = new Set<string>();
  readonly #ended = new AbortController();
  readonly #watching: Promise<void>;

  constructor(sessionId: string) {
    this.#watching = this.#watch(sessionId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#watching;
  }

  async #watch(sessionId: string): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const all = await childProcesses(sessionId);
      const running = all.filter((info) => info.state !== 'T' && info.state !== 't');
      // A process that ended while it was looked at ran before, not beside the others: look once more.
      const still = await Promise.all(
        running.map(async (info) => ((await isRunning(info.pid)) ? info : null)),
      );
      this.looks += 1;
      for (const { childId } of all) this.children.add(childId);
      this.most = Math.max(this.most, new Set(still.flatMap((info) => info?.childId ?? [])).size);
      await pause(LOOK_EVERY_MS);
    }
  }
}

async function isRunning(pid: number): Promise<boolean> {
  const state = await stateOf(pid);
  return state !== '' && !'TtZX'.includes(state);
}

async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}
