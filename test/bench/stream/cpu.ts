// CPU time and memory of other processes, as the kernel counts them.
import { readdirSync, readFileSync } from 'node:fs';

/** One tick of /proc/<pid>/stat: USER_HZ, 100 on every Linux we run on. */
const MS_PER_TICK = 10;

/** CPU time of a process so far, all threads, user and system, in ms. */
export function cpuMs(pid: number): number {
  return preciseCpuMs(pid) ?? tickedCpuMs(pid);
}

/** From the scheduler, in ns; undefined where the kernel does not tell. Threads here live as long as their process. */
function preciseCpuMs(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const sums = threads.map((thread) => {
      const [running = ''] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ');
      return Number(running);
    });
    return sums.reduce((sum, ns) => sum + ns, 0) / 1_000_000;
  } catch {
    return undefined;
  }
}

function tickedCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name may hold spaces and brackets: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}
