// React's view of a store: at most one render a frame, however often the store changes in between.
import type { Observable } from '@holdfast/client';
import { useCallback, useSyncExternalStore } from 'react';

/** In a page that is not shown there are no frames; its title must go on all the same. */
const HIDDEN_MS = 250;

function atNextFrame(run: () => void): () => void {
  if (document.hidden) {
    const timer = setTimeout(run, HIDDEN_MS);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(run);
  return () => cancelAnimationFrame(frame);
}

export function useObservable<T>(observable: Observable<T>): T {
  const subscribe = useCallback(
    (listener: () => void) => {
      let cancel: (() => void) | undefined;
      const unsubscribe = observable.subscribe(() => {
        cancel ??= atNextFrame(() => {
          cancel = undefined;
          listener();
        });
      });
      return () => {
        cancel?.();
        unsubscribe();
      };
    },
    [observable],
  );
  return useSyncExternalStore(subscribe, observable.getSnapshot);
}
