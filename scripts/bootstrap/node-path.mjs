// Finds a Node that runs the TypeScript of this checkout: the running one, the pinned package, or its platform package.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const NEEDED = [24, 12];

/** True for a version such as "24.21.0" that runs TypeScript without a flag and without a warning. */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/** Paths to try in order; the second is missing where install scripts were skipped, the first in a plain shell. */
export function nodeCandidates({ checkout, running, platform }) {
  return [
    ...(isNewEnough(running.version) ? [running.path] : []),
    join(checkout, 'node_modules/node/bin/node'),
    join(checkout, `node_modules/node-${platform.os}-${platform.cpu}/bin/node`),
  ];
}

/** The first candidate that exists, runs and is new enough; undefined if there is none. */
export function findNode({ checkout, platform }) {
  const running = { path: process.execPath, version: process.versions.node };
  return nodeCandidates({ checkout, running, platform }).find(
    (path) => (path === running.path && isNewEnough(running.version)) || runsNewEnough(path),
  );
}

function runsNewEnough(path) {
  if (!existsSync(path)) return false;
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return status === 0 && isNewEnough(stdout.trim().replace(/^v/, ''));
}
