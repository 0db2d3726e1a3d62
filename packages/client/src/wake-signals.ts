// The browser's hints that reconnecting is worth a try: online, offline, page visible again. Nothing in Node.

export type WakeSignal = 'online' | 'offline' | 'visible';
/** Starts listening; the returned function ends it. */
export type WakeSignals = (listener: (signal: WakeSignal) => void) => () => void;

/** The parts of `window` and `document` used here; absent in Node. */
interface Page {
  addEventListener?: (type: string, listener: () => void) => void;
  removeEventListener?: (type: string, listener: () => void) => void;
  document?: {
    readonly visibilityState: string;
    addEventListener: (type: string, listener: () => void) => void;
    removeEventListener: (type: string, listener: () => void) => void;
  };
}

export const pageSignals: WakeSignals = (listener) => listenTo(globalThis as unknown as Page, listener); // see Page

export function listenTo(page: Page, listener: (signal: WakeSignal) => void): () => void {
  const { document } = page;
  const onOnline = (): void => listener('online');
  const onOffline = (): void => listener('offline');
  const onVisibility = (): void => {
    if (document?.visibilityState === 'visible') listener('visible');
  };
  if (document === undefined) return () => undefined;
  page.addEventListener?.('online', onOnline);
  page.addEventListener?.('offline', onOffline);
  document.addEventListener('visibilitychange', onVisibility);
  return () => {
    page.removeEventListener?.('online', onOnline);
    page.removeEventListener?.('offline', onOffline);
    document.removeEventListener('visibilitychange', onVisibility);
  };
}
