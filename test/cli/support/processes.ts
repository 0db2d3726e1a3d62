// What runs on this machine, read from /proc: nothing a test started may outlive it.
import { readdir, readFile } from 'node:fs/promises';
import { findMarked } from '../../../apps/worker/src/process/containment.ts';
import { until } from '../../support/until.ts';

/** Ids of the processes whose command line has `text` in it; zombies have none. */
export async function findByCommand(text: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => ((await commandLine(pid)).includes(text) ? [pid] : [])),
  );
  return found.flat().filter((pid) => pid !== process.pid);
}

/** Kills, one by one, every process that carries the marker; throws if one is still there after that. */
export async function killMarked(marker: string): Promise<void> {
  await until(
    async () => {
      const pids = await findMarked(marker);
      for (const pid of pids) killQuietly(pid, 'SIGKILL');
      return pids.length === 0;
    },
    { what: `the end of everything marked ${marker}` },
  );
}

export function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

async function commandLine(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
}
