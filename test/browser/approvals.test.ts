// What the agent asks, answered in one browser and closed in the other [J-03].
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import type { Service } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { startSession, startSite, type Site } from './support/site.ts';

let site: Site;
let worker: Service;

beforeAll(async () => {
  site = await startSite();
  worker = await site.system.startWorker();
});
afterEach(async () => {
  for (const context of site.browser.contexts()) await context.close();
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

const asks = (page: Page) => page.getByRole('region', { name: 'The agent asks' });
const press = async (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click();
const ended = async (page: Page): Promise<void> => asks(page).waitFor({ state: 'detached' });

async function fileOf(page: Page, name: string): Promise<string> {
  const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
  const file = join(site.system.gateway.workspaces, id, name);
  return until(async () => readFile(file, 'utf8').catch(() => undefined), { what: file });
}

describe('a question of the agent', () => {
  it('answered in one browser closes in the other, and the tool runs once [J-03]', async () => {
    const { page: one } = await site.visit();
    await startSession(one, '[[tool Bash {"command":"echo x >> runs.txt"}]] [[say it ran]]');
    await asks(one).getByText('echo x >> runs.txt').waitFor();
    const { page: two } = await site.visit({ path: new URL(one.url()).pathname });
    await asks(two).waitFor();
    await press(two, 'Allow once');
    await ended(one);
    await ended(two);
    await one.getByText('it ran', { exact: true }).waitFor();
    expect(await fileOf(one, 'runs.txt')).toBe('x\n');
  });

  it('denied with a message lets the agent read it and go on [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(page, '[[tool Bash {"command":"touch denied.txt"}]] [[say understood]]');
    await asks(page).waitFor();
    await press(page, 'Deny…');
    await page.getByLabel(/Tell the agent why/).fill('use the test folder');
    await press(page, 'Deny');
    await ended(page);
    await page.getByText('understood', { exact: true }).waitFor();
    await page
      .getByText(/use the test folder/)
      .first()
      .waitFor();
    expect(await page.locator('details[data-tool=Bash]').getAttribute('data-state')).toBe('failed');
  });

  it('allowed with another input runs that one [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(page, '[[tool Bash {"command":"touch original.txt"}]] [[say done so]]');
    await asks(page).waitFor();
    await press(page, 'Edit the input…');
    await page.getByLabel('Input', { exact: true }).fill('echo edited > edited.txt');
    await press(page, 'Allow with this input');
    await page.getByText('done so', { exact: true }).waitFor();
    expect(await fileOf(page, 'edited.txt')).toBe('edited\n');
  });

  it('allowed for the session is not asked again [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(
      page,
      '[[tool Write {"file_path":"a.txt","content":"a"}]] [[tool Write {"file_path":"b.txt","content":"b"}]] [[say both are there]]',
    );
    await asks(page).waitFor();
    await press(page, 'More ways to allow');
    await page.getByRole('menuitem', { name: 'Allow for this session' }).click();
    await page.getByText('both are there', { exact: true }).waitFor();
    expect(await fileOf(page, 'b.txt')).toBe('b');
  });

  it('with options is answered by picking one [J-03]', async () => {
    const { page } = await site.visit();
    const input = {
      questions: [
        {
          ...{ question: 'Which colour?', header: 'Colour', multiSelect: false },
          options: [
            { label: 'Blue', description: 'Like the sky' },
            { label: 'Red', description: 'Like a rose' },
          ],
        },
      ],
    };
    await startSession(page, `[[tool AskUserQuestion ${JSON.stringify(input)}]] [[say painted]]`);
    await page.getByRole('heading', { name: 'The agent has a question' }).waitFor();
    expect(await page.getByRole('button', { name: 'Send answers' }).isDisabled()).toBe(true);
    await page.getByLabel('Red').check();
    await press(page, 'Send answers');
    await page.getByText('painted', { exact: true }).waitFor();
  });

  it('that is a plan is sent back, then approved [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(
      page,
      '[[tool ExitPlanMode {"plan":"1. **Do it**"}]] [[tool ExitPlanMode {"plan":"1. Do it with care"}]] [[say planned]]',
      { mode: 'plan' },
    );
    await page.getByRole('heading', { name: 'The agent proposes a plan' }).waitFor();
    await press(page, 'Ask for changes…');
    await page.getByLabel('What should be different?').fill('be careful');
    await press(page, 'Ask for changes');
    await asks(page).getByText('Do it with care').waitFor();
    await press(page, 'Approve plan');
    await page.getByText('planned', { exact: true }).waitFor();
  });

  it('is allowed by Ctrl+Enter [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(page, '[[tool Bash {"command":"touch by-key.txt"}]] [[say by key]]');
    await asks(page).waitFor();
    await page.keyboard.press('Control+Enter');
    await page.getByText('by key', { exact: true }).waitFor();
  });
});

describe('a running turn', () => {
  it('is stopped by Escape, and what waits can be edited and moved [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(page, '[[text count=5000 rate=40]]');
    await page.getByText(/\bw5\b/).waitFor();
    const message = page.getByLabel('Message', { exact: true });
    for (const text of ['first', 'second']) {
      await message.fill(text);
      await message.press('Enter');
      await page.getByRole('listitem').filter({ hasText: text }).waitFor();
    }
    const waiting = page.locator('[data-queued]');
    await waiting.filter({ hasText: 'second' }).getByRole('button', { name: 'Move up' }).click();
    await expect.poll(async () => waiting.first().innerText()).toContain('second');
    await waiting.first().getByRole('button', { name: 'Edit waiting message' }).click();
    await page.getByRole('textbox', { name: 'Edit waiting message' }).fill('second, but better');
    await press(page, 'Save');
    await expect.poll(async () => waiting.first().innerText()).toContain('second, but better');
    await page.keyboard.press('Escape');
    await page.getByText('Stopped').waitFor();
    await page.getByText('Paused: nothing runs until you continue.').waitFor();
  });

  it('is steered by a message that says so [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(
      page,
      '[[text count=30 rate=20]] [[tool Bash {"command":"sleep 1"}]] [[text count=30 rate=20]]',
    );
    await page.getByText(/\bw5\b/).waitFor();
    await page.getByText('Steer', { exact: true }).click();
    await page.getByLabel('Message', { exact: true }).fill('[[say steered well]]');
    await page.keyboard.press('Enter');
    const allow = page.getByRole('button', { name: 'Allow once' });
    await allow
      .or(page.getByText(/steered well$/))
      .first()
      .waitFor();
    if (await allow.isVisible()) await allow.click();
    await page.getByText(/steered well$/).waitFor({ timeout: 30_000 });
  });
});
