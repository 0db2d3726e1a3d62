// One `up` per data folder: a lock file that names its holder, and is free as soon as the holder is gone.
import { randomBytes } from 'node:crypto';
import { copyFile, link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { errorCode } from './failure.ts';
import { identifyProcess, isRunning, ProcessIdentity } from './process/identity.ts';

/** Content of the lock file. `url` is there once everything is ready. */
const LockContent = z.object({ holder: ProcessIdentity, url: z.string().optional() });
type LockContent = z.infer<typeof LockContent>;

export type LockState =
  | { readonly state: 'free' }
  | { readonly state: 'held'; readonly pid: number; readonly url: string | undefined }
  | { readonly state: 'stale' };

/** What a lock file's text means; `alive` tells whether exactly the named process runs. Half a file is stale. */
export function judgeLock(
  text: string | undefined,
  alive: (identity: ProcessIdentity) => boolean,
): LockState {
  if (text === undefined) return { state: 'free' };
  const content = parseLock(text);
  if (content === undefined || !alive(content.holder)) return { state: 'stale' };
  return { state: 'held', pid: content.holder.pid, url: content.url };
}

/** `acquired` says whether an earlier holder died without cleaning up. */
export type LockOutcome =
  | { readonly status: 'acquired'; readonly lock: UpLock; readonly afterCrash: boolean }
  | { readonly status: 'held'; readonly pid: number; readonly url: string | undefined };

/** The lock while this process holds it. */
export class UpLock {
  readonly #path: string;
  readonly #holder: ProcessIdentity;

  constructor(path: string, holder: ProcessIdentity) {
    this.#path = path;
    this.#holder = holder;
  }

  /** Tells a second `up` the address, which also means that everything is ready. */
  async publish(url: string): Promise<void> {
    const draft = draftName(this.#path);
    await writeFile(draft, JSON.stringify({ holder: this.#holder, url }), { mode: 0o600 });
    await rename(draft, this.#path);
  }

  async release(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** Takes the lock at `path`, replacing one whose holder is gone. The file appears in one step, complete. */
export async function acquireLock(path: string): Promise<LockOutcome> {
  const holder = identifyProcess(process.pid);
  if (holder === undefined) throw new Error('this process cannot be found in the process table');
  const draft = draftName(path);
  await writeFile(draft, JSON.stringify({ holder }), { mode: 0o600 });
  let afterCrash = false;
  try {
    for (;;) {
      if (await tryLink(draft, path)) {
        return { status: 'acquired', lock: new UpLock(path, holder), afterCrash };
      }
      const judged = judgeLock(await readIfThere(path), isRunning);
      if (judged.state === 'held') return { status: 'held', pid: judged.pid, url: judged.url };
      if (judged.state === 'stale') {
        afterCrash = true;
        if (await replaceStale(path, draft)) {
          return { status: 'acquired', lock: new UpLock(path, holder), afterCrash };
        }
      }
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/** Polls the lock until its holder has published the address or is gone. */
export async function awaitPublished(path: string, limitMs: number): Promise<LockState> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    const state = judgeLock(await readIfThere(path), isRunning);
    if (state.state !== 'held' || state.url !== undefined || performance.now() >= giveUpAt) return state;
    await sleep(100);
  }
}

/**
 * Replaces a stale lock by `draft`; false when another process does so. Only the maker of the takeover file may
 * touch a stale lock, and it looks again once it has made it: so a fresh lock is never taken for the stale one.
 */
async function replaceStale(path: string, draft: string): Promise<boolean> {
  const takeover = `${path}.takeover`;
  if (!(await tryLink(draft, takeover))) {
    if (await isAbandoned(takeover)) await rm(takeover, { force: true });
    await sleep(10);
    return false;
  }
  try {
    if (judgeLock(await readIfThere(path), isRunning).state !== 'stale') return false;
    await copyFile(draft, `${draft}.copy`);
    await rename(`${draft}.copy`, path);
    return true;
  } finally {
    await rm(takeover, { force: true });
  }
}

/** Its maker died in the few milliseconds that a takeover takes. */
async function isAbandoned(takeover: string): Promise<boolean> {
  const text = await readIfThere(takeover);
  return text !== undefined && judgeLock(text, isRunning).state === 'stale';
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseLock(text: string): LockContent | undefined {
  try {
    return LockContent.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function draftName(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
}
