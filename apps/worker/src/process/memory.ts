// How much memory a child uses, with everything it started: proportional set size, so that text shared by many
// children counts once.
import { readFile } from 'node:fs/promises';
import { processTree } from './process-tree.ts';

/** Bytes used by the tree of `root`; 0 where the platform does not tell. */
export async function treeMemoryBytes(root: number, childId: string): Promise<number> {
  const pids = await processTree(root, childId);
  const sizes = await Promise.all(pids.map(async (pid) => memoryOf(pid)));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

async function memoryOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}
