// CPU profiles of what is measured, where the command line asks for them; read them with any .cpuprofile viewer.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Profiles processes that have loaded the probe. */
export class Profiler {
  readonly #folder: string | null;
  #running: readonly ChildProcess[] = [];

  constructor(folder: string | null) {
    this.#folder = folder === null ? null : resolve(folder);
  }

  async start(processes: readonly ChildProcess[]): Promise<void> {
    if (this.#folder === null) return;
    await mkdir(this.#folder, { recursive: true });
    this.#running = processes;
    for (const child of processes) child.send({ type: 'bench:profile' });
  }

  async stop(): Promise<void> {
    for (const child of this.#running) {
      const file = `${this.#folder}/${child.spawnargs.at(-1)?.replaceAll('/', '-')}-${child.pid}.cpuprofile`;
      child.send({ type: 'bench:profiled', file });
      await once(child, 'message');
    }
    this.#running = [];
  }
}
