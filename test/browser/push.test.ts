// The service worker: shows what is pushed, leads to the session, and keeps the page openable without a network [J-03].
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CDPSession, Page, Worker } from 'playwright-core';
import { until } from '../support/until.ts';
import { writeShowcase, type Showcase } from './support/showcase.ts';
import { startSite, type Site } from './support/site.ts';

let site: Site;
let showcase: Showcase;

beforeAll(async () => {
  site = await startSite();
  showcase = await writeShowcase(site.system.redis.connect());
});
afterAll(async () => site[Symbol.asyncDispose]());

interface Installed {
  readonly page: Page;
  readonly worker: Worker;
  readonly cdp: CDPSession;
  readonly registrationId: string;
}

async function install(): Promise<Installed> {
  const { page } = await site.visit({ permissions: ['notifications'] });
  const cdp = await page.context().newCDPSession(page);
  const ids: string[] = [];
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) =>
    ids.push(...registrations.map(({ registrationId }) => registrationId)),
  );
  await cdp.send('ServiceWorker.enable');
  const worker = await until(() => page.context().serviceWorkers()[0], { what: 'the service worker' });
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  return { page, worker, cdp, registrationId: await until(() => ids.at(-1), { what: 'its registration' }) };
}

const shown = async (page: Page): Promise<readonly { title: string; body: string }[]> =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    return (await registration.getNotifications()).map(({ title, body }) => ({ title, body }));
  });

describe('a pushed message', () => {
  it('is shown, and a click leads to its session [J-03] [I-03]', async () => {
    const { page, worker, cdp, registrationId } = await install();
    const message = { title: 'Needs you', body: 'Run npm install?', path: `/s/${showcase.asking}` };
    const { origin } = new URL(page.url());
    await cdp.send('ServiceWorker.deliverPushMessage', {
      origin,
      registrationId,
      data: JSON.stringify(message),
    });
    await until(async () => (await shown(page)).length > 0, { what: 'a notification' });
    expect(await shown(page)).toEqual([{ title: message.title, body: message.body }]);
    await worker.evaluate(async () => {
      const scope = globalThis as unknown as { registration: ServiceWorkerRegistration }; // a worker's own scope
      const [notification] = await scope.registration.getNotifications();
      const event = new Event('notificationclick');
      Object.assign(event, { notification, waitUntil: () => undefined });
      globalThis.dispatchEvent(event);
    });
    await page.waitForURL(`**${message.path}`);
    await page.getByRole('heading', { name: 'The agent wants to run a command' }).waitFor();
    expect(await shown(page)).toEqual([]);
    await page.context().close();
  });

  it('of a form that nobody knows is shown all the same [J-03]', async () => {
    const { page, cdp, registrationId } = await install();
    const { origin } = new URL(page.url());
    await cdp.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data: 'no json' });
    await until(async () => (await shown(page)).length > 0, { what: 'a notification' });
    expect(await shown(page)).toEqual([{ title: 'Holdfast', body: '' }]);
    await page.context().close();
  });
});

describe('the page', () => {
  it('opens without a network once it was there, and says that it is offline [J-03]', async () => {
    const { page } = await install();
    await page.reload();
    await page.getByRole('link', { name: /Merge baskets/ }).waitFor();
    await page.context().setOffline(true);
    await page.reload();
    await page.getByText('The list could not be loaded.').waitFor();
    await page.context().setOffline(false);
    await page.getByRole('link', { name: /Merge baskets/ }).waitFor();
    await page.context().close();
  });

  it('can be installed: its manifest has a name, a start and icons that exist [J-03]', async () => {
    const { page } = await site.visit();
    const manifest = await page.evaluate(async () => (await fetch('/manifest.webmanifest')).json());
    expect(manifest).toMatchObject({ name: 'Holdfast', start_url: '/', display: 'standalone' });
    for (const { src, sizes } of manifest.icons) {
      const answer = await page.request.get(new URL(src, page.url()).href);
      expect([answer.status(), sizes]).toEqual([200, expect.any(String)]);
    }
    await page.context().close();
  });
});
