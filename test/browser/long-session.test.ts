// A session with thousands of events opens fast, scrolls smoothly, and keeps the reader's place [J-03].
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import type { SessionId } from '@holdfast/shared/protocol';
import { startSite, type Site } from './support/site.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { continueLongSession, writeLongSession } from './support/long-session.ts';

let site: Site;
let sessionId: SessionId;

beforeAll(async () => {
  site = await startSite();
  sessionId = await writeLongSession(site.system.redis.connect(), 5_000);
});
afterAll(async () => site[Symbol.asyncDispose]());

/** The numbers of all turns that the page has, as its menu copies the conversation. */
async function turnsCopied(page: Page): Promise<readonly number[]> {
  await page.getByRole('button', { name: 'Session menu' }).click();
  await page.getByRole('menuitem', { name: 'Copy as Markdown' }).click();
  const text = await page.evaluate(async () => navigator.clipboard.readText());
  return [...text.matchAll(/Turn \*\*(\d+)\*\*/g)].map((match) => Number(match[1]));
}

describe('a page that was away', () => {
  it('for longer than the log keeps events shows all that it missed, in order [J-03]', async () => {
    const redis = site.system.redis.connect();
    const id = await writeLongSession(redis, 200);
    await using proxy = await startTcpProxy({ target: { port: site.system.gateway.port } });
    const gateway = { url: `http://127.0.0.1:${proxy.port}`, token: site.system.gateway.token };
    const permissions = ['clipboard-read', 'clipboard-write'];
    const { page } = await site.visit({ gateway, permissions, path: `/s/${id}` });
    await page.getByText('Turn 19').waitFor();
    await page.context().setOffline(true);
    for (const connection of proxy.connections()) connection.apply({ kind: 'cut' });
    await page.locator('[data-connection=offline]').waitFor();
    await continueLongSession(redis, { sessionId: id, from: 20, count: 1_500 });
    await page.context().setOffline(false);
    await page.getByText('Turn 169').waitFor();
    await expect.poll(async () => turnsCopied(page), { timeout: 10_000 }).toEqual([...Array(170).keys()]);
    await page.context().close();
  });
});

describe('a session of 5,000 events', () => {
  it('opens at its end, scrolls back to its first message, and never holds more than a few rows [J-03]', async () => {
    const { page, complaints } = await site.visit({ path: `/s/${sessionId}` });
    await page.getByText('Turn 499').waitFor();
    await page.getByRole('region', { name: 'Conversation' }).hover();
    const rows = page.locator('[data-row]');
    const beginning = page.getByText('The conversation begins here.');
    let most = 0;
    await until(
      async () => {
        await page.mouse.wheel(0, -4_000);
        most = Math.max(most, await rows.count());
        return beginning.isVisible();
      },
      { what: 'the first message', limitMs: 60_000 },
    );
    await page.getByText('Do step 0', { exact: true }).waitFor();
    expect(most).toBeLessThan(120);
    await page.getByRole('button', { name: 'To the newest message' }).click();
    await page.getByText('Turn 499').waitFor();
    expect(complaints).toEqual([]);
  });

  it('keeps what is read in its place while older pages come in front [J-03]', async () => {
    const { page } = await site.visit({ path: `/s/${sessionId}` });
    await page.getByText('Turn 499').waitFor();
    const region = page.getByRole('region', { name: 'Conversation' });
    await region.hover();
    const before = Number(await region.getAttribute('data-rows'));
    await page.mouse.wheel(0, -100_000);
    await expect.poll(async () => Number(await region.getAttribute('data-rows'))).toBeGreaterThan(before);
    // The reader was thrown neither to the end nor to the very beginning of what is there now.
    const top = await region.evaluate((element) => element.scrollTop);
    expect(top).toBeGreaterThan(500);
    expect(await page.getByRole('button', { name: 'To the newest message' }).isVisible()).toBe(true);
  });
});
