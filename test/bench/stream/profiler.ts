// CPU profiles of what is measured, where the command line asks for them; any viewer of .cpuprofile files reads them.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** A process that has loaded the probe, and what its profiles are called. */
export type Profiled = readonly [name: string, child: ChildProcess];

export interface Profiler {
  /** Runs `work`, recording; a later recording of the same name replaces an earlier one. */
  during<T>(what: string, processes: readonly Profiled[], work: () => Promise<T>): Promise<T>;
}

/** Records into `folder`; null records nothing. */
export function createProfiler(folder: string | null): Profiler {
  if (folder === null) return { during: async (_what, _processes, work) => work() };
  const into = resolve(folder);
  return {
    during: async (what, processes, work) => {
      await mkdir(into, { recursive: true });
      for (const [, child] of processes) child.send({ type: 'bench:profile' });
      const result = await work();
      for (const [name, child] of processes) {
        const written = once(child, 'message');
        child.send({ type: 'bench:profiled', file: join(into, `${what}-${name}.cpuprofile`) });
        await written;
      }
      return result;
    },
  };
}
