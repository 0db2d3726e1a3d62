// All processes of this machine, read from /proc: what shows that nothing was left behind.
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** One letter as in /proc: R, S, D, T, Z, … */
  readonly state: string;
  /** The command line, arguments joined by spaces. */
  readonly command: string;
}

/** Every living process but zombies, which only wait for their parent to read their exit code. */
export async function livingProcesses(): Promise<ProcessInfo[]> {
  const names = await readdir('/proc');
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const all = await Promise.all(pids.map(readProcess));
  return all.filter((info) => info !== null && info.state !== 'Z' && info.state !== 'X') as ProcessInfo[]; // nulls are out
}

/** The living processes whose command line contains `text`. */
export async function processesLike(text: string): Promise<ProcessInfo[]> {
  return (await livingProcesses()).filter((info) => info.command.includes(text));
}

/** The living processes that carry `text` in their command line or in their environment. */
export async function processesMentioning(text: string): Promise<ProcessInfo[]> {
  const living = await livingProcesses();
  const mentions = await Promise.all(
    living.map(async (info) => {
      const environment = await readFile(`/proc/${info.pid}/environ`, 'utf8').catch(() => '');
      return info.command.includes(text) || environment.includes(text);
    }),
  );
  return living.filter((info, index) => mentions[index] === true && info.pid !== process.pid);
}

export async function isLiving(pid: number): Promise<boolean> {
  return (await stateOf(pid)) !== null;
}

/** The state letter of a living process; null for one that has ended. */
export async function stateOf(pid: number): Promise<string | null> {
  const info = await readProcess(pid);
  return info === null || info.state === 'Z' || info.state === 'X' ? null : info.state;
}

/** A number of seconds for `sleep` that no other process on this machine sleeps for: what to look for in /proc. */
export function uniqueSleep(): string {
  return `9${Math.floor(Math.random() * 1e6)}.${process.pid}`;
}

async function readProcess(pid: number): Promise<ProcessInfo | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    // The name in parentheses may hold anything: the fields start after the last one.
    const [state = '', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(parent), state, command };
  } catch {
    return null;
  }
}
