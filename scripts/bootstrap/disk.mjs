// What the set-up needs to know about the disk under the checkout.
import { accessSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { SetupFailure } from './failure.mjs';

/** Free bytes for a plain user on the file system of `path`; undefined where Node cannot tell (before 18.15). */
export function freeBytes(path) {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

export function diskFull(path) {
  return new SetupFailure(
    `The disk is full: no space is left for ${path}.`,
    'Free about 1.5 GB (the packages take 0.9 GB, the package cache the rest), then run the same command again.',
  );
}

/** Throws {@link SetupFailure} unless this user may create files in the checkout. */
export function checkWritable(checkout) {
  try {
    accessSync(checkout, constants.W_OK);
    rmSync(mkdtempSync(join(checkout, '.holdfast-write-test-')), { recursive: true });
  } catch (error) {
    if (error.code === 'ENOSPC') throw diskFull(checkout);
    throw new SetupFailure(
      `The checkout ${checkout} is not writable for this user (${error.code}).`,
      'Clone it into a folder of your own, or give it to this user with chown.',
    );
  }
}
