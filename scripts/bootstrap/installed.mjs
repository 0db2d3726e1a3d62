// Compares what npm installed with what the lock file asks for, without running npm.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fitsPlatform } from './platform.mjs';

/** Optional packages that are wanted all the same: the pinned Node and the CLI, one package per platform. */
const PLATFORM_BINARIES = /^node_modules\/(node|@anthropic-ai\/claude-code)-(linux|darwin)-/;

/** True for a package that may be missing: Node and the CLI can come from elsewhere. */
export function isReplaceable(path) {
  return PLATFORM_BINARIES.test(path);
}

/**
 * `{status: 'current'}` when node_modules holds all that `lock` asks for on this platform, else
 * `{status: 'stale', missing}` with the paths that are absent or of another version.
 * `installed` is npm's own record of node_modules, undefined when there is none.
 */
export function compareInstalled(lock, installed, platform) {
  const present = installed?.packages ?? {};
  const missing = Object.entries(lock.packages)
    .filter(([path, wanted]) => path !== '' && isWanted(path, wanted, platform))
    .filter(([path, wanted]) => !isSame(wanted, present[path]))
    .map(([path]) => path);
  return missing.length === 0 && installed !== undefined
    ? { status: 'current' }
    : { status: 'stale', missing };
}

/** Reads both files of the checkout and compares them. */
export function installState(checkout, platform) {
  const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8'));
  return compareInstalled(lock, readRecord(checkout), platform);
}

function readRecord(checkout) {
  try {
    return JSON.parse(readFileSync(join(checkout, 'node_modules/.package-lock.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

function isWanted(path, entry, platform) {
  if (!path.includes('node_modules/') || !fitsPlatform(entry, platform)) return false;
  return !entry.optional || PLATFORM_BINARIES.test(path);
}

function isSame(wanted, found) {
  if (found === undefined) return false;
  if (wanted.link) return found.link === true && found.resolved === wanted.resolved;
  return found.version === wanted.version && found.integrity === wanted.integrity;
}
