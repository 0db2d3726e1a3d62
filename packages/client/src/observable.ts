// A value that can be watched: the framework-free store interface (React's useSyncExternalStore takes it as is).

export interface Observable<T> {
  /** The same reference until something changed. */
  readonly getSnapshot: () => T;
  /** Calls `listener` after each change; the returned function ends that. */
  readonly subscribe: (listener: () => void) => () => void;
}

export class Subject<T> implements Observable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly getSnapshot = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  };

  get listenerCount(): number {
    return this.#listeners.size;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }
}
