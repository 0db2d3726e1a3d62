import { describe, expect, it } from 'vitest';
import { listenTo, pageSignals } from '../src/wake-signals.ts';

class FakeDocument extends EventTarget {
  visibilityState = 'visible';
}

describe('the hints of a page', () => {
  it('are passed on until nobody listens any more, and hiding the page is none', () => {
    const seen: string[] = [];
    const document = new FakeDocument();
    const page = Object.assign(new EventTarget(), { document });
    const stop = listenTo(page, (signal) => seen.push(signal));
    page.dispatchEvent(new Event('offline'));
    page.dispatchEvent(new Event('online'));
    document.visibilityState = 'hidden';
    document.dispatchEvent(new Event('visibilitychange'));
    document.visibilityState = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    stop();
    page.dispatchEvent(new Event('online'));
    document.dispatchEvent(new Event('visibilitychange'));
    expect(seen).toEqual(['offline', 'online', 'visible']);
  });

  it('are none in Node', () => {
    const stop = pageSignals(() => {
      throw new Error('there is no page');
    });
    expect(stop).not.toThrow();
  });
});
