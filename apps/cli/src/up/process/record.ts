// Remembers on disk which processes `up` has started, so that the next `up` can end those of a killed one.
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { SOCKET_FOLDER_PREFIX } from '../layout.ts';
import { isRunning, ProcessIdentity, signalProcess } from './identity.ts';

const RecordContent = z.object({
  processes: z.record(z.string(), ProcessIdentity),
  /** Folders outside the data folder to remove, such as one that holds a socket with a short path. */
  folders: z.array(z.string()).default([]),
});

/** Redis writes out its log when it is asked to end; halving this would cut a large rewrite short. */
const STALE_TERM_MS = 5_000;
const STALE_KILL_MS = 2_000;

/** The record of one run. Writes are queued, so that the file always shows the last state. */
export class ProcessRecord {
  readonly #path: string;
  readonly #processes = new Map<string, ProcessIdentity>();
  readonly #folders: readonly string[];
  #written: Promise<void> = Promise.resolve();

  constructor(path: string, folders: readonly string[]) {
    this.#path = path;
    this.#folders = folders;
  }

  /** Resolves when the entry is on disk, or could not be written. */
  add(name: string, identity: ProcessIdentity): Promise<void> {
    this.#processes.set(name, identity);
    return this.#write();
  }

  remove(name: string): Promise<void> {
    this.#processes.delete(name);
    return this.#write();
  }

  async discard(): Promise<void> {
    await this.#written;
    await rm(this.#path, { force: true });
  }

  /** A failed write is no reason to stop anything: an entry too many or too few is found out by identity. */
  #write(): Promise<void> {
    const text = JSON.stringify({ processes: Object.fromEntries(this.#processes), folders: this.#folders });
    this.#written = this.#written.then(() => this.#replace(text)).catch(() => {});
    return this.#written;
  }

  async #replace(text: string): Promise<void> {
    await writeFile(`${this.#path}.new`, text, { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
  }
}

/** One process of an earlier run that was still there. */
export interface StaleProcess {
  readonly name: string;
  readonly identity: ProcessIdentity;
}

/** The recorded processes that still run; a pid that now belongs to another process is left out. */
export function findStale(
  processes: Readonly<Record<string, ProcessIdentity>>,
  alive: (identity: ProcessIdentity) => boolean,
): StaleProcess[] {
  return Object.entries(processes)
    .filter(([, identity]) => alive(identity))
    .map(([name, identity]) => ({ name, identity }));
}

/**
 * Ends what an earlier run left behind: first politely, after `politeMs` with SIGKILL; resolves to what it found.
 * A missing or damaged record means that nothing is known, so nothing is touched.
 */
export async function cleanUpRecorded(path: string, politeMs = STALE_TERM_MS): Promise<StaleProcess[]> {
  const content = await readRecord(path);
  if (content === undefined) return [];
  const stale = findStale(content.processes, isRunning);
  for (const { identity } of stale) signalProcess(identity, 'SIGTERM');
  if (!(await allGone(stale, politeMs))) {
    for (const { identity } of stale) signalProcess(identity, 'SIGKILL');
    await allGone(stale, STALE_KILL_MS);
  }
  for (const folder of content.folders.filter(isOurFolder))
    await rm(folder, { recursive: true, force: true });
  await rm(path, { force: true });
  return stale;
}

/** Whatever stands in the file, nothing but a folder with our own name in the temporary folder is deleted. */
function isOurFolder(folder: string): boolean {
  return basename(folder).startsWith(SOCKET_FOLDER_PREFIX);
}

async function allGone(processes: readonly StaleProcess[], limitMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + limitMs;
  while (processes.some(({ identity }) => isRunning(identity))) {
    if (performance.now() >= giveUpAt) return false;
    await sleep(20);
  }
  return true;
}

async function readRecord(path: string): Promise<z.infer<typeof RecordContent> | undefined> {
  try {
    return RecordContent.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
