// Holdfast with its page, and browsers that are logged in to it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { startSystem, type System } from '../../e2e/support/system.ts';
import type { TestGateway } from '../../support/processes.ts';
import { launchChromium } from './chromium.ts';

export const DESKTOP = { viewport: { width: 1280, height: 800 } } as const;
export const PHONE = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
} as const;

export interface Site extends AsyncDisposable {
  readonly system: System;
  readonly browser: Browser;
  /** A page of a browser of its own (own cookies and storage), logged in by the login link. */
  visit(options?: Visit): Promise<Visitor>;
}

export interface Visit extends BrowserContextOptions {
  readonly path?: string;
  readonly gateway?: Pick<TestGateway, 'url' | 'token'>;
}

export interface Visitor {
  readonly page: Page;
  /** Errors and refusals that the page's console told. */
  readonly complaints: readonly string[];
}

const checkout = fileURLToPath(new URL('../../..', import.meta.url));

/** Builds the page where it is stale. */
export async function buildPage(): Promise<void> {
  await promisify(execFile)(process.execPath, ['apps/web/build.ts'], { cwd: checkout });
}

/** The system without workers, and a browser. */
export async function startSite(): Promise<Site> {
  await buildPage();
  await using started = new AsyncDisposableStack();
  const system = started.use(await startSystem());
  const browser = await launchChromium();
  started.defer(async () => browser.close());
  const all = started.move();
  return {
    system,
    browser,
    visit: async (visit) => visitWith(browser, { gateway: system.gateway, ...visit }),
    [Symbol.asyncDispose]: async () => all.disposeAsync(),
  };
}

async function visitWith(
  browser: Browser,
  { path, gateway, ...options }: Visit & { gateway: Pick<TestGateway, 'url' | 'token'> },
): Promise<Visitor> {
  const context = await browser.newContext({ ...DESKTOP, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`${gateway.url}/login?token=${gateway.token}`);
  if (path !== undefined) await page.goto(`${gateway.url}${path}`);
  return { page, complaints };
}

export interface StartOptions {
  readonly mode?: 'default' | 'acceptEdits' | 'plan';
}

/** Starts a session by the form; without a prompt when that is empty. Resolves when the session is open. */
export async function startSession(page: Page, prompt: string, options: StartOptions = {}): Promise<void> {
  await page.getByRole('button', { name: 'New session' }).first().click();
  await page.getByLabel('What should be done?').fill(prompt);
  if (options.mode !== undefined) await page.getByLabel('Permission mode').selectOption(options.mode);
  await page.getByRole('button', { name: 'Start session' }).click();
  await page.waitForURL(/\/s\/s[0-9a-f]{2}-/);
  await page.getByLabel('Message', { exact: true }).waitFor();
}
