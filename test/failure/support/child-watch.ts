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
  /** What ran at the moments when there was more than one child. */
  readonly overlaps: ChildProcessInfo[][] = [];
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
      // A process that ended while it was looked at ran before, not beside the others: look once more.
      const still = await Promise.all(all.map(async (info) => ((await canRun(info.pid)) ? info : null)));
      const running = still.filter((info) => info !== null);
      this.looks += 1;
      for (const { childId } of all) this.children.add(childId);
      const children = new Set(running.map(({ childId }) => childId));
      if (children.size > 1) this.overlaps.push(running);
      this.most = Math.max(this.most, children.size);
      await pause(LOOK_EVERY_MS);
    }
  }
}

const EXITING = 0x4;
const KILL_PENDING = 1n << 8n;

/** Whether a process may run code of its own: it is not stopped, has not ended, and was not killed. */
async function canRun(pid: number): Promise<boolean> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ''),
    readFile(`/proc/${pid}/status`, 'latin1').catch(() => ''),
  ]);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', , , , , , flags = '0'] = fields;
  const pending = [...status.matchAll(/^(?:SigPnd|ShdPnd):\t([0-9a-f]+)$/gm)];
  const isKilled = pending.some(([, bits]) => (BigInt(`0x${bits}`) & KILL_PENDING) !== 0n);
  return state !== '' && !'TtZX'.includes(state) && (Number(flags) & EXITING) === 0 && !isKilled;
}

async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}
