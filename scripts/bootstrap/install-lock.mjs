// Lets one process at a time install into a checkout; the others wait and find the work done.
import { closeSync, mkdirSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { report } from './failure.mjs';

/** The holder touches the file every BEAT_MS. Halving STALE_MS would rob a holder that a busy machine delays. */
const BEAT_MS = 2_000;
const STALE_MS = 20_000;
const WAIT_REPORT_MS = 5_000;

export async function withInstallLock(checkout, work) {
  mkdirSync(join(checkout, '.holdfast'), { recursive: true, mode: 0o700 });
  const path = join(checkout, '.holdfast/install.lock');
  await acquire(path);
  const beat = setInterval(() => touch(path), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    rmSync(path, { force: true });
  }
}

async function acquire(path) {
  let reportedAt = 0;
  while (!tryCreate(path)) {
    if (ageMs(path) > STALE_MS) rmSync(path, { force: true });
    else if (Date.now() - reportedAt >= WAIT_REPORT_MS) {
      report('another command is installing packages here; waiting for it');
      reportedAt = Date.now();
    }
    await sleep(250);
  }
}

function tryCreate(path) {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function ageMs(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Another process may have taken the lock for stale after a long pause of this one; npm ends either way.
  }
}
