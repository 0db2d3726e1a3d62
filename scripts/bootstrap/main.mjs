// `up`, `test`, `check` and `run FILE`: installs what is missing, then runs the real command under Node 24.
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { report, SetupFailure } from './failure.mjs';
import { installPackages } from './install.mjs';
import { findNode } from './node-path.mjs';
import { buildFirstPage } from './page.mjs';
import { checkPlatform, platformName, thisPlatform } from './platform.mjs';
import { commandEnv, runCommand, watchParent } from './run.mjs';
import { isUpRunning } from './running.mjs';

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

const COMMANDS = {
  up: 'apps/cli/src/up/main.ts',
  test: 'scripts/tasks/test.ts',
  check: 'scripts/tasks/check.ts',
};

export async function main(argv) {
  try {
    const { file, args } = parseCommand(argv);
    const platform = thisPlatform();
    checkPlatform(platform);
    const isSecondUp = argv[0] === 'up' && isUpRunning(checkout, process.env);
    // A second `up` only prints the address; installing would pull the packages from under the first.
    if (!isSecondUp) await installPackages(checkout, platform);
    const node = findNode({ checkout, platform });
    if (node === undefined) throw noNode(platform);
    if (!isSecondUp && ['up', 'test'].includes(argv[0])) await buildFirstPage(checkout, node);
    await start({ node, file: join(checkout, file), args });
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    report(error.message);
    process.exitCode = 1;
  }
}

function parseCommand([name, ...rest]) {
  if (Object.hasOwn(COMMANDS, name ?? '')) return { file: COMMANDS[name], args: rest };
  const [file, ...args] = rest;
  if (name === 'run' && file !== undefined) return { file, args };
  throw new SetupFailure(
    `There is no command ${JSON.stringify(name ?? '')} here.`,
    'Use "npm run up", "npm test" or "npm run check".',
  );
}

function noNode(platform) {
  const name = `node-${platformName(platform)}`;
  return new SetupFailure(
    `Node.js 24.12 or newer is missing: neither the package "node" nor "${name}" has a binary that runs here.`,
    'Run "npm ci --include=optional", or install Node.js 24 (https://nodejs.org).',
  );
}

/** On Node 24 `up` runs in this process: one process fewer for as long as Holdfast runs. */
async function start({ node, file, args }) {
  if (node !== process.execPath || file !== join(checkout, COMMANDS.up)) {
    process.exitCode = await runCommand({ node, file, args, checkout, env: process.env });
    return;
  }
  Object.assign(process.env, commandEnv({ env: process.env, checkout, node }));
  process.argv = [process.execPath, file, ...args];
  watchParent(() => process.kill(process.pid, 'SIGTERM'));
  await import(pathToFileURL(file).href);
}
