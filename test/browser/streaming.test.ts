// What a person sees of a running turn, over reloads, lost gateways and lost networks [J-03] [D-06] [D-10].
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { startGateway, type Service } from '../support/processes.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { startSession, startSite, type Site } from './support/site.ts';
import { isUnbroken, upTo, wordsOn } from './support/words.ts';

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

/** Waits until so many words are there, none of them missing or doubled on the way. */
async function seeWords(page: Page, count: number): Promise<void> {
  await until(
    async () => {
      const words = await wordsOn(page);
      expect(isUnbroken(words)).toBe(true);
      return words.length >= count;
    },
    { what: `${count} words`, limitMs: 30_000 },
  );
}

const isLive = (page: Page): Promise<void> =>
  page.locator('[data-connection=live]').waitFor({ state: 'attached', timeout: 20_000 });

describe('a turn that streams', () => {
  it('shows every word once, whole, in order, and frees the composer when it ends [J-03] [D-06]', async () => {
    const { page, complaints } = await site.visit();
    await startSession(page, '[[text count=120 rate=60]]');
    await seeWords(page, 20);
    await page.getByRole('button', { name: 'Stop the turn' }).waitFor();
    await seeWords(page, 120);
    await page.getByRole('button', { name: 'Stop the turn' }).waitFor({ state: 'detached' });
    expect(await wordsOn(page)).toEqual(upTo(120));
    expect(complaints).toEqual([]);
  });

  it('goes on after a reload in its middle, with nothing lost or doubled [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(page, '[[text count=300 rate=60]]');
    await seeWords(page, 60);
    await page.reload();
    await seeWords(page, 100);
    await page.reload();
    await seeWords(page, 300);
    expect(await wordsOn(page)).toEqual(upTo(300));
  });

  it('after a reload with nothing running leaves the composer free [D-06]', async () => {
    const { page } = await site.visit();
    await startSession(page, '[[say done]]');
    await page.getByText('done', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Stop the turn' }).waitFor({ state: 'detached' });
    await page.reload();
    await page.getByText('done', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Stop the turn' }).count()).toBe(0);
    await page.getByLabel('Message', { exact: true }).fill('[[say again]]');
    await page.keyboard.press('Enter');
    await page.getByText('again', { exact: true }).waitFor();
  });

  it('keeps what was written and not sent over a reload [J-03]', async () => {
    const { page } = await site.visit();
    await startSession(page, '');
    await page.getByLabel('Message', { exact: true }).fill('a half-written thought');
    await page.reload();
    await expect
      .poll(async () => page.getByLabel('Message', { exact: true }).inputValue())
      .toBe('a half-written thought');
  });
});

describe('the connection', () => {
  it('is told as it is when the gateway is killed in mid-stream, and the turn goes on after it [J-03] [D-10]', async () => {
    const { redis, dataDir } = site.system;
    const doomed = await startGateway({ redis, dataDir });
    const { page } = await site.visit({ gateway: doomed });
    await startSession(page, '[[text count=300 rate=60]]');
    await seeWords(page, 40);
    const killedAt = performance.now();
    await doomed.stop('SIGKILL');
    await page.locator('[data-connection=reconnecting]').waitFor();
    expect(performance.now() - killedAt).toBeLessThan(1_500);
    await using revived = await startGateway({ redis, dataDir, env: { HOLDFAST_PORT: String(doomed.port) } });
    expect(revived.port).toBe(doomed.port);
    await isLive(page);
    await seeWords(page, 300);
    expect(await wordsOn(page)).toEqual(upTo(300));
  });

  it('says offline at once without a network; what was missed and what was written arrive when it is back [J-03] [D-10]', async () => {
    await using proxy = await startTcpProxy({ target: { port: site.system.gateway.port } });
    const gateway = { url: `http://127.0.0.1:${proxy.port}`, token: site.system.gateway.token };
    const { page } = await site.visit({ gateway });
    await startSession(page, '[[text count=200 rate=60]]');
    await seeWords(page, 20);
    await page.context().setOffline(true);
    for (const connection of proxy.connections()) connection.apply({ kind: 'cut' });
    await page.locator('[data-connection=offline]').waitFor({ timeout: 1_000 });
    await page.getByLabel('Message', { exact: true }).fill('[[say written without a network]]');
    await page.keyboard.press('Enter');
    await page.getByText('Sending…').waitFor();
    await page.context().setOffline(false);
    await isLive(page);
    await page.getByText('written without a network', { exact: true }).waitFor({ timeout: 30_000 });
    expect(await wordsOn(page)).toEqual(upTo(200));
  });

  it('of two browsers shows both the same session as it happens [J-03] [D-07]', async () => {
    const { page: one } = await site.visit();
    await startSession(one, '[[text count=200 rate=40]]');
    await seeWords(one, 10);
    const { page: two } = await site.visit({ path: new URL(one.url()).pathname });
    await seeWords(two, 20);
    await two.getByLabel('Message', { exact: true }).fill('from the second browser');
    await two.keyboard.press('Enter');
    await one.getByRole('listitem').filter({ hasText: 'from the second browser' }).waitFor();
    await one.getByRole('button', { name: 'Cancel waiting message' }).click();
    await two.getByText('from the second browser').waitFor({ state: 'detached' });
    await seeWords(one, 200);
    await seeWords(two, 200);
  });
});
