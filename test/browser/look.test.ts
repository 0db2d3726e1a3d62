// How the page looks: pictures of its main states for the README, on a desktop and a phone, light and dark; what axe
// finds in each of them; and what a finger, a keyboard and a small screen need [J-03].
import { createRequire } from 'node:module';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type axe from 'axe-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { writeShowcase, type Showcase } from './support/showcase.ts';
import { DESKTOP, PHONE, startSite, type Site } from './support/site.ts';

/** Pictures of the README change only when that is asked for. */
const isUpdating = process.env['UPDATE_PICTURES'] === '1';
const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let site: Site;
let showcase: Showcase;

beforeAll(async () => {
  if (isUpdating) await mkdir(IMAGES, { recursive: true });
  site = await startSite();
  showcase = await writeShowcase(site.system.redis.connect());
});
afterEach(async () => {
  for (const context of site.browser.contexts()) await context.close();
});
afterAll(async () => site[Symbol.asyncDispose]());

/** What axe finds wrong, one line each. */
async function faults(page: Page): Promise<readonly string[]> {
  // The page's policy refuses added scripts; the debugger's evaluation is not bound by it.
  await page.evaluate(await readFile(AXE, 'utf8'));
  const results = await page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as { axe: typeof axe }; // the script above put it there
    return checker.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
  });
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
  );
}

const states: readonly {
  readonly name: string;
  readonly path: () => string;
  readonly ready: (page: Page) => Promise<unknown>;
}[] = [
  {
    name: 'list',
    path: () => '/',
    ready: async (page) => page.getByRole('link', { name: /Why is the basket empty/ }).waitFor(),
  },
  {
    name: 'approval',
    path: () => `/s/${showcase.asking}`,
    ready: async (page) => page.getByRole('button', { name: 'Allow once' }).waitFor(),
  },
  {
    name: 'chat',
    path: () => `/s/${showcase.streaming}`,
    ready: async (page) => page.getByText('merge it with', { exact: false }).last().waitFor(),
  },
  {
    name: 'new-session',
    path: () => '/',
    ready: async (page) => {
      await page.getByRole('button', { name: 'New session' }).first().click();
      await page.getByRole('dialog').waitFor();
    },
  },
];

const DEVICES = { desktop: DESKTOP, phone: PHONE } as const;

describe('the page', () => {
  for (const device of ['desktop', 'phone'] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const { name, path, ready } of states) {
        it(`${name} on a ${device}, ${colorScheme}: axe finds nothing, nothing sticks out, a picture is taken [J-03]`, async () => {
          const { page, complaints } = await site.visit({ ...DEVICES[device], colorScheme, path: path() });
          await ready(page);
          await page.evaluate(async () => document.fonts.ready);
          // Code gets its colours once the highlighter has been loaded.
          if (name === 'approval') await page.locator('.token').first().waitFor({ state: 'attached' });
          const picture = await page.screenshot({ animations: 'disabled' });
          if (isUpdating) await writeFile(`${IMAGES}${name}-${device}-${colorScheme}.png`, picture);
          expect(picture.length).toBeGreaterThan(10_000);
          expect(await faults(page)).toEqual([]);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          expect(overflow).toBeLessThanOrEqual(0);
          expect(complaints).toEqual([]);
        });
      }
    }
  }
});

describe('a phone', () => {
  it('has a target of at least 44 px for every button and link a finger needs [J-03]', async () => {
    for (const path of ['/', `/s/${showcase.asking}`, `/s/${showcase.streaming}`]) {
      const { page } = await site.visit({ ...PHONE, path });
      await page.getByRole('button').first().waitFor();
      await page.waitForLoadState('networkidle');
      const small = await page.evaluate(() =>
        [...document.querySelectorAll('button, a[href], summary, select, input:not(.sr-only), textarea')]
          .filter((element) => element.checkVisibility() && element.closest('.markdown') === null)
          .map((element) => ({ box: element.getBoundingClientRect(), html: element.outerHTML.slice(0, 120) }))
          .filter(({ box }) => box.width > 1 && box.height > 1 && Math.min(box.width, box.height) < 43.5)
          .map(({ box, html }) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`),
      );
      expect(small).toEqual([]);
    }
  });

  it('shows the list or the session, with a way back [J-03]', async () => {
    const { page } = await site.visit({ ...PHONE, path: '/' });
    await page.getByRole('link', { name: /Why is the basket empty/ }).tap();
    await page.getByRole('heading', { name: 'The agent wants to run a command' }).waitFor();
    expect(await page.getByRole('navigation').isVisible()).toBe(false);
    await page.getByRole('link', { name: 'All sessions' }).tap();
    await page.getByRole('navigation').waitFor();
  });
});

describe('the keyboard', () => {
  it('alone opens a session, reads it and writes to it [J-03]', async () => {
    const { page } = await site.visit({ path: '/' });
    await page.getByRole('link', { name: /Merge baskets/ }).waitFor();
    await page.keyboard.press('Tab');
    for (let press = 0; press < 30; press += 1) {
      const text = await page.evaluate(() => document.activeElement?.textContent ?? '');
      if (text.includes('Merge baskets')) break;
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Merge baskets at login' }).waitFor();
    await page.getByLabel('Message', { exact: true }).focus();
    await page.keyboard.type('by keyboard');
    expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('by keyboard');
  });

  it('closes a dialog with Escape and is back where it was [J-03]', async () => {
    const { page } = await site.visit({ path: '/' });
    const button = page.getByRole('button', { name: 'New session' }).first();
    await button.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect
      .poll(async () => button.evaluate((element) => element === document.activeElement))
      .toBe(true);
  });
});
