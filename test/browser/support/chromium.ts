// The browser of the tests: the machine's own Chromium, without a window, without network of its own.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

const MISSING =
  'There is no Chromium on PATH for the browser tests. Install it ("apt-get install -y chromium", ' +
  '"dnf install chromium", "brew install --cask chromium"), or name one with CHROMIUM_PATH.';

/** Path of the browser: CHROMIUM_PATH, else the first known name on PATH; undefined where there is none. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env['CHROMIUM_PATH'];
  if (named !== undefined && named !== '') return named;
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable);
}

/** Starts the browser; throws one sentence that says what to install where there is none. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(MISSING);
  return chromium.launch({
    executablePath,
    args: [
      // The sandbox refuses to run as root, as in containers and on build machines.
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-features=Translate,MediaRouter,OptimizationHints',
      '--no-first-run',
      '--force-color-profile=srgb',
    ],
  });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
