// Tells whether `up` seems to run here already; `up` itself looks closer, by the start time of the process.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** True when packages are installed and the lock file names a process that exists. */
export function isUpRunning(checkout, env) {
  if (!existsSync(join(checkout, 'node_modules/.package-lock.json'))) return false;
  const dataDir = env.HOLDFAST_DATA_DIR ? resolve(env.HOLDFAST_DATA_DIR) : join(checkout, '.holdfast');
  try {
    const { holder } = JSON.parse(readFileSync(join(dataDir, 'up.lock'), 'utf8'));
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
