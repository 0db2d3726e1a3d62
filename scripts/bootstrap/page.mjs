// Builds the page of a fresh checkout, as part of what is installed once. Later changes are `up`'s to build.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { report } from './failure.mjs';
import { endTogether } from './install.mjs';

const BUILD = 'apps/web/build.ts';
const BUILD_LIMIT_MS = 120_000;
const PROGRESS_MS = 5_000;

/** Where there is a page and it was never built. A build that fails is no failure here: `up` says why, and goes on. */
export async function buildFirstPage(checkout, node) {
  if (!existsSync(join(checkout, BUILD)) || existsSync(join(checkout, 'apps/web/dist/built-from'))) return;
  report('building the page (once, a few seconds)');
  const startedAt = Date.now();
  const ticker = setInterval(() => {
    report(`building the page: ${Math.round((Date.now() - startedAt) / 1000)} s so far`);
  }, PROGRESS_MS);
  const build = spawn(node, [join(checkout, BUILD)], {
    cwd: checkout,
    stdio: 'ignore',
    timeout: BUILD_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const released = endTogether(build);
  await new Promise((resolve) => {
    build.on('error', resolve);
    build.on('close', resolve);
  });
  released();
  clearInterval(ticker);
}
