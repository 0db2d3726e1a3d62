// Brings node_modules to the state of the lock file: `npm ci`, with a line of progress while it runs.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { checkWritable, diskFull, freeBytes } from './disk.mjs';
import { report, SetupFailure } from './failure.mjs';
import { withInstallLock } from './install-lock.mjs';
import { installState, isReplaceable } from './installed.mjs';
import { explainNpmFailure, npmErrorCode } from './npm-failure.mjs';

const PROGRESS_MS = 5_000;

/** Enough for any package that npm leaves out quietly when the disk is full. */
const PACKAGE_BYTES = 300 * 1024 * 1024;

/** Installs packages where they are missing or not those of the lock file; throws {@link SetupFailure}. */
export async function installPackages(checkout, platform) {
  if (installState(checkout, platform).status === 'current') return;
  checkWritable(checkout);
  await withInstallLock(checkout, async () => {
    if (installState(checkout, platform).status === 'current') return;
    await runNpmCi(checkout);
    checkComplete(checkout, platform);
  });
}

/** A platform package that is still missing is no failure here: Node may be found elsewhere, and so may the CLI. */
function checkComplete(checkout, platform) {
  const state = installState(checkout, platform);
  if (state.status === 'current') return;
  const free = freeBytes(checkout);
  if (free !== undefined && free < PACKAGE_BYTES) throw diskFull(checkout);
  const names = state.missing
    .filter((path) => !isReplaceable(path))
    .map((path) => path.replace(/^.*node_modules\//, ''));
  if (names.length === 0) return;
  throw new SetupFailure(
    `npm ci left out ${names.slice(0, 3).join(', ')}.`,
    'Run "npm ci --include=optional --include=dev" by itself to see why.',
  );
}

async function runNpmCi(checkout) {
  const startedAt = Date.now();
  report('installing packages (npm ci; once, about a minute)');
  const ticker = setInterval(() => {
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    report(`installing packages: ${countPackages(checkout)} folders in place, ${seconds} s so far`);
  }, PROGRESS_MS);
  try {
    const { exitCode, stderr } = await npmCi(checkout);
    if (exitCode === 0) return;
    const code = npmErrorCode(stderr);
    throw explainNpmFailure({ code, stderr, checkout, freeBytes: freeBytes(checkout) });
  } finally {
    clearInterval(ticker);
  }
}

function npmCi(checkout) {
  const args = ['ci', '--include=dev', '--include=optional', '--prefer-offline', '--no-audit', '--no-fund'];
  args.push('--no-progress', '--loglevel=error');
  // npm waits 10 s and then 60 s between tries; a person at a terminal wants to know sooner.
  if (process.env.npm_config_fetch_retries === undefined) {
    args.push('--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000');
  }
  return new Promise((resolve, reject) => {
    const npm = spawn('npm', args, {
      cwd: checkout,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: pathWithoutCheckout(process.env.PATH ?? '', checkout) },
    });
    let stderr = '';
    const released = endTogether(npm);
    npm.stderr.on('data', (chunk) => (stderr += chunk));
    npm.on('error', (error) => reject(npmMissing(error)));
    npm.on('close', (exitCode) => {
      released();
      resolve({ exitCode, stderr });
    });
  });
}

/** A signal that ends this process ends the child first, which would go on in the background. The result undoes this. */
export function endTogether(child) {
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const handler = () => {
      child.once('close', () => process.kill(process.pid, signal));
      child.kill(signal);
    };
    process.once(signal, handler);
    return () => process.removeListener(signal, handler);
  });
  return () => handlers.forEach((remove) => remove());
}

function npmMissing(error) {
  return new SetupFailure(`npm cannot be run (${error.code}).`, 'Install npm 9 or newer and put it on PATH.');
}

/** `npm ci` deletes node_modules, so it must not run on the Node that lies in there. */
function pathWithoutCheckout(path, checkout) {
  const inside = join(checkout, 'node_modules');
  return path
    .split(delimiter)
    .filter((entry) => !entry.startsWith(inside))
    .join(delimiter);
}

function countPackages(checkout) {
  const root = join(checkout, 'node_modules');
  if (!existsSync(root)) return 0;
  return readdirSync(root)
    .filter((name) => !name.startsWith('.'))
    .reduce((sum, name) => sum + (name.startsWith('@') ? readdirSync(join(root, name)).length : 1), 0);
}
