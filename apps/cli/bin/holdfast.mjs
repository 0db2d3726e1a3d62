#!/usr/bin/env node
// Runs the terminal client under Node 24, whichever Node found this file.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findNode } from '../../../scripts/bootstrap/node-path.mjs';
import { thisPlatform } from '../../../scripts/bootstrap/platform.mjs';

const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const node = findNode({ checkout, platform: thisPlatform() });

if (node === undefined) {
  process.stderr.write(
    'holdfast: Node.js 24.12 or newer is missing. Run "npm ci --include=optional" in the checkout, or install it.\n',
  );
  process.exitCode = 1;
} else if (node === process.execPath) {
  process.argv[1] = main;
  await import(main);
} else {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGCONT']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('close', (exitCode, signal) => {
    if (signal === null) process.exitCode = exitCode;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}
