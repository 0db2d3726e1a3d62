// The items of one feed as an async iterator. Bounded: a reader that falls behind pauses its feed, and the
// session's log keeps what comes meanwhile.
import { createDeferred, type Deferred } from '@holdfast/shared/util';
import type { HoldfastError } from './errors.ts';
import type { FeedSink, SessionItem } from './feed.ts';
import type { AttachedFeed } from './multiplexer.ts';

/** Items waiting for the reader at which the feed is paused, and at which it goes on. */
const HIGH_WATER = 4_096;
const LOW_WATER = 512;

/** Attaches with the given sink. */
export type OpenFeed = (sink: FeedSink) => AttachedFeed;

export class ItemStream implements AsyncIterableIterator<SessionItem, undefined> {
  readonly #feed: AttachedFeed;
  #items: SessionItem[] = [];
  #taken = 0;
  #waiting: Deferred<IteratorResult<SessionItem, undefined>>[] = [];
  #end: { readonly error: HoldfastError | null } | undefined;
  #isPaused = false;
  readonly #forgetSignal: () => void;

  constructor(openFeed: OpenFeed, signal?: AbortSignal) {
    const stop = (): void => void this.return();
    this.#forgetSignal = () => signal?.removeEventListener('abort', stop);
    this.#feed = openFeed({
      onItems: (items) => this.#push(items),
      onState: () => undefined,
      onEnd: (error) => this.#finish(error),
    });
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next item; `done` after {@link return} or an abort; rejects once when the session can not be read. */
  async next(): Promise<IteratorResult<SessionItem, undefined>> {
    const item = this.#items[this.#taken];
    if (item !== undefined) {
      this.#taken += 1;
      this.#compact();
      return { done: false, value: item };
    }
    if (this.#end !== undefined) return this.#atEnd();
    const waiting = createDeferred<IteratorResult<SessionItem, undefined>>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Detaches; items not yet read are dropped. */
  async return(): Promise<IteratorResult<SessionItem, undefined>> {
    this.#items = [];
    this.#taken = 0;
    this.#feed.end();
    this.#finish(null);
    return { done: true, value: undefined };
  }

  #atEnd(): IteratorResult<SessionItem, undefined> {
    const error = this.#end?.error ?? null;
    this.#end = { error: null };
    if (error !== null) throw error;
    return { done: true, value: undefined };
  }

  #push(items: readonly SessionItem[]): void {
    for (const item of items) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#items.push(item);
      else waiting.resolve({ done: false, value: item });
    }
    if (this.#items.length - this.#taken >= HIGH_WATER && !this.#isPaused) {
      this.#isPaused = true;
      this.#feed.pause();
    }
  }

  #compact(): void {
    if (this.#taken > 1_024 || this.#taken === this.#items.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    if (this.#isPaused && this.#items.length - this.#taken <= LOW_WATER) {
      this.#isPaused = false;
      this.#feed.resume();
    }
  }

  #finish(error: HoldfastError | null): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#forgetSignal();
    const [first, ...rest] = this.#waiting;
    this.#waiting = [];
    if (first !== undefined && error !== null) {
      this.#end = { error: null };
      first.reject(error);
    } else first?.resolve({ done: true, value: undefined });
    for (const waiting of rest) waiting.resolve({ done: true, value: undefined });
  }
}
