// A first visit, from an empty data folder, by the labels a person sees: at most twelve clicks [J-03].
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../support/processes.ts';
import { startSession, startSite, type Site } from './support/site.ts';

let site: Site;
let worker: Service;

beforeAll(async () => {
  site = await startSite();
  worker = await site.system.startWorker();
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

describe('a first visit', () => {
  it('starts a session, sees it stream, approves a tool, queues, stops and reads usage in at most 12 clicks [J-03]', async () => {
    const { page, complaints } = await site.visit();
    let clicks = 0;
    const click = async (name: string | RegExp): Promise<void> => {
      clicks += 1;
      await page.getByRole('button', { name }).first().click();
    };
    await page.getByText('No sessions yet').waitFor();
    await click('New session');
    await page
      .getByLabel('What should be done?')
      .fill(
        '[[say I will write a file.]] [[tool Write {"file_path":"note.txt","content":"hello\\n"}]] [[text count=2000 rate=40]]',
      );
    await click('Start session');
    await page.getByText('I will write a file.').waitFor();
    await page.getByRole('heading', { name: 'The agent wants to write a file' }).waitFor();
    await expect.poll(async () => page.title(), { timeout: 5_000 }).toMatch(/^\(1\) Needs you/);
    await click('Allow once');
    await page.getByText(/\bw10\b/).waitFor();
    await page.getByLabel('Message', { exact: true }).fill('[[say this waited]]');
    await click('Send');
    await page.getByText('1 message waits').waitFor();
    await click(/^Stop the turn/);
    await page.getByText('Stopped').waitFor();
    await page.getByText('Paused: nothing runs until you continue.').waitFor();
    await click('Continue');
    await page.getByText('this waited', { exact: true }).waitFor();
    await click('Usage');
    await page.getByRole('dialog').getByText('Cost').waitFor();
    await click('Close');
    // Another visit finds the session with a click.
    await page.goto(site.system.gateway.url);
    clicks += 1;
    await page.getByRole('link', { name: /I will write a file/ }).click();
    await page.getByText('this waited', { exact: true }).waitFor();
    expect(clicks).toBeLessThanOrEqual(12);
    expect(complaints).toEqual([]);
  });
});

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

describe('a message', () => {
  it('takes a picked image and a pasted file along, and one that can not be taken says why [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(page, '');
    const picked = { name: 'basket.png', mimeType: 'image/png', buffer: PNG };
    await page.locator('input[type=file]').setInputFiles(picked);
    await page.locator('[data-attachment=ready]').filter({ hasText: 'basket.png' }).waitFor();
    await page.getByLabel('Message', { exact: true }).evaluate((field) => {
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File(['a note'], 'note.txt', { type: 'text/plain' }));
      clipboardData.items.add(new File([new Uint8Array([0, 1, 2, 255])], 'odd.bin'));
      field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    await page.locator('[data-attachment=ready]').filter({ hasText: 'note.txt' }).waitFor();
    await page.locator('[data-attachment=failed]').filter({ hasText: 'odd.bin' }).waitFor();
    await page.getByRole('button', { name: 'Remove odd.bin' }).click();
    await page.getByLabel('Message', { exact: true }).fill('[[say I have seen it]]');
    await page.keyboard.press('Enter');
    await page.getByText('I have seen it', { exact: true }).waitFor();
    expect(await page.locator('[data-attachment]').count()).toBe(0);
  });
});

describe('a session', () => {
  it('is found by its title, renamed, put away and brought back [J-03]', async () => {
    const { page } = await site.visit();
    await page.getByRole('button', { name: 'New session' }).first().click();
    await page.getByLabel('What should be done?').fill('[[say hello there]]');
    await page.getByRole('button', { name: 'Start session' }).click();
    await page.getByText('hello there', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Session menu' }).click();
    await page.getByRole('menuitem', { name: 'Rename…' }).click();
    await page.getByLabel('Title').fill('A name of its own');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'A name of its own' }).waitFor();
    await page.getByLabel('Search sessions').fill('name own');
    await expect.poll(async () => page.locator('a[data-status]').count()).toBe(1);
    await page.getByRole('button', { name: 'Session menu' }).click();
    await page.getByRole('menuitem', { name: 'Archive' }).click();
    await page.getByText('No session matches your search.').waitFor();
    await page.getByRole('button', { name: 'Show archived' }).click();
    await page.locator('a[data-status]').filter({ hasText: 'A name of its own' }).waitFor();
  });

  it('of a folder outside the workspaces is refused with the reason, and the form stays as it was [J-03]', async () => {
    const { page } = await site.visit();
    await page.getByRole('button', { name: 'New session' }).first().click();
    await page.getByLabel('What should be done?').fill('keep me');
    await page.getByLabel('Folder').fill('/etc');
    await page.getByRole('button', { name: 'Start session' }).click();
    await page.getByText(/must be an absolute path under one of the workspace roots/).waitFor();
    expect(await page.getByLabel('What should be done?').inputValue()).toBe('keep me');
  });

  it('that does not exist, and a visit without a login, say so [J-03]', async () => {
    const { page } = await site.visit({ path: '/s/s00-01JD5W3W8Y5Q3T2E0V9A6B4C2D' });
    await page.getByText('There is no such session, or it is not yours.').waitFor();
    const stranger = await site.browser.newPage();
    await stranger.goto(site.system.gateway.url);
    await stranger.getByRole('heading', { name: 'You are not logged in' }).waitFor();
  });
});
