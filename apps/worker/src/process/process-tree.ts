// Everything that belongs to a child: what descends from it, what lives in its PID namespace, and what carries the
// child's marker. Read from /proc; elsewhere only the process itself is known.
import { readdir, readFile, readlink } from 'node:fs/promises';
import { CHILD_MARKER } from './containment.ts';

interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly namespace: string;
  readonly isMarked: boolean;
}

/**
 * Ids of the living processes of a child; `root` is the process we spawned. It carries the marker itself, so an id
 * that was reused by a stranger is not taken for it. A process that is born or ends while we look may be missed.
 */
export async function processTree(root: number, childId: string): Promise<number[]> {
  const all = await readProcesses(childId);
  const own = all.find((facts) => facts.pid === process.pid)?.namespace;
  const hasProc = all.length > 0;
  const found = new Set<number>(hasProc ? [] : [root]);
  const namespaces = new Set<string>();
  let size = -1;
  while (size !== found.size) {
    size = found.size;
    for (const facts of all) {
      const belongs = found.has(facts.parent) || facts.isMarked || namespaces.has(facts.namespace);
      if (belongs) found.add(facts.pid);
      if (found.has(facts.pid) && facts.namespace !== own && facts.namespace !== '')
        namespaces.add(facts.namespace);
    }
  }
  found.delete(process.pid);
  return [...found];
}

async function readProcesses(childId: string): Promise<ProcessFacts[]> {
  const names = await readdir('/proc').catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const facts = await Promise.all(pids.map(async (pid) => readFacts(pid, childId)));
  return facts.filter((entry) => entry !== null);
}

async function readFacts(pid: number, childId: string): Promise<ProcessFacts | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The name may hold spaces and parentheses: the numbers start after the last one.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie runs no more: it only waits for its parent to read its exit code.
    if (state === 'Z' || state === 'X') return null;
    const namespace = await readlink(`/proc/${pid}/ns/pid`).catch(() => '');
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    const isMarked = environment.split('\0').includes(`${CHILD_MARKER}=${childId}`);
    return { pid, parent: Number(parent), namespace, isMarked };
  } catch {
    return null;
  }
}

/** Sends a signal to each; those that have ended are passed over. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself in the meantime.
    }
  }
}
