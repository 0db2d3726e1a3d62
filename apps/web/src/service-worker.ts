// Keeps the page's own files for when the service can't be reached, and shows notifications. It never touches the
// API, and never answers with an old page while the service answers: the network comes first.

interface WaitableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchLikeEvent extends WaitableEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface PushLikeEvent extends WaitableEvent {
  readonly data: { json(): unknown } | null;
}
interface ClickLikeEvent extends WaitableEvent {
  readonly notification: Notification;
}
interface WindowLike {
  readonly url: string;
  focus(): Promise<unknown>;
  navigate(url: string): Promise<unknown>;
}
/** The part of a service worker's global scope used here; the DOM library of the page has none of it. */
interface WorkerScope {
  readonly location: Location;
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<readonly WindowLike[]>;
    openWindow(url: string): Promise<unknown>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: WaitableEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchLikeEvent) => void): void;
  addEventListener(type: 'push', listener: (event: PushLikeEvent) => void): void;
  addEventListener(type: 'notificationclick', listener: (event: ClickLikeEvent) => void): void;
}

const worker = globalThis as unknown as WorkerScope; // what this file runs in
const SHELL = 'holdfast-shell';
/** Kept for a page that is opened without a network; more than a few releases of it are of no use. */
const MAX_ENTRIES = 120;

worker.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(SHELL)
      .then(async (cache) => cache.add('/'))
      .then(async () => worker.skipWaiting()),
  );
});
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  if (request.mode === 'navigate' && (url.pathname === '/' || url.pathname.startsWith('/s/'))) {
    event.respondWith(networkFirst(request, '/'));
  } else if (url.pathname.startsWith('/assets/') || url.pathname.startsWith('/icon')) {
    event.respondWith(cacheFirst(request));
  }
});

async function networkFirst(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(SHELL);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(key, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(key);
    if (kept === undefined) throw error;
    return kept;
  }
}

/** Files with a hash in their name never change. */
async function cacheFirst(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  const kept = await cache.match(request);
  if (kept !== undefined) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    await cache.put(request, answer.clone());
    const keys = await cache.keys();
    await Promise.all(
      keys.slice(1, Math.max(1, keys.length - MAX_ENTRIES)).map(async (key) => cache.delete(key)),
    );
  }
  return answer;
}

interface PushMessage {
  readonly title: string;
  readonly body: string;
  readonly path: string;
}

/** What the service sends; anything else still shows, since a push without a notification is punished by browsers. */
function messageOf(data: unknown): PushMessage {
  const fields: Readonly<Record<string, unknown>> =
    typeof data === 'object' && data !== null ? { ...data } : {};
  const textOf = (name: string, otherwise: string): string => {
    const value = fields[name];
    return typeof value === 'string' && value !== '' ? value : otherwise;
  };
  const path = textOf('path', '/');
  return {
    title: textOf('title', 'Holdfast'),
    body: textOf('body', ''),
    path: path.startsWith('/') ? path : '/',
  };
}

function dataOf(event: PushLikeEvent): unknown {
  try {
    return event.data?.json();
  } catch {
    return undefined;
  }
}

worker.addEventListener('push', (event) => {
  const { title, body, path } = messageOf(dataOf(event));
  event.waitUntil(
    worker.registration.showNotification(title, { body, tag: path, icon: '/icon-192.png', data: { path } }),
  );
});

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { path } = messageOf(event.notification.data);
  event.waitUntil(showPage(new URL(path, worker.location.origin).href));
});

/** The window that shows it already, else any window of ours, else a new one. */
async function showPage(url: string): Promise<unknown> {
  const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const there = windows.find((window) => window.url === url);
  if (there !== undefined) return there.focus();
  const any = windows[0];
  if (any === undefined) return worker.clients.openWindow(url);
  // Some browsers refuse the focus; the page is there all the same.
  await any.focus().catch(() => undefined);
  return any.navigate(url);
}
