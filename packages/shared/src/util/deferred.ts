/** A promise together with the functions that settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes a promise that somebody else settles. */
export function createDeferred<T>(): Deferred<T> {
  return Promise.withResolvers<T>();
}
