// The list of sessions as a store: read again every few seconds while somebody looks, less often while the page
// is in the background, and at once after something was done here.
import { HoldfastError, type Observable } from '@holdfast/client';
import type { SessionSummary } from '@holdfast/shared/protocol';
import { client } from './client.ts';

export interface SessionListState {
  /** Undefined until the first answer. */
  readonly sessions: readonly SessionSummary[] | undefined;
  readonly archived: readonly SessionSummary[] | undefined;
  /** Why the last read failed; null after one that did not. */
  readonly error: HoldfastError | null;
}

const SHOWN_MS = 3_000;
const HIDDEN_MS = 15_000;

class SessionList implements Observable<SessionListState> {
  #state: SessionListState = { sessions: undefined, archived: undefined, error: null };
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wantsArchived = false;
  #reading = false;

  readonly getSnapshot = (): SessionListState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      document.addEventListener('visibilitychange', this.#onVisible);
      void this.refresh();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      document.removeEventListener('visibilitychange', this.#onVisible);
    };
  };

  /** Whether what was put away is read as well. */
  showArchived(wanted: boolean): void {
    this.#wantsArchived = wanted;
    if (wanted) void this.refresh();
  }

  async refresh(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    clearTimeout(this.#timer);
    try {
      const [sessions, archived] = await Promise.all([
        client.http.list(),
        this.#wantsArchived ? client.http.list({ archived: true }) : undefined,
      ]);
      this.#set({ sessions, archived: archived ?? this.#state.archived, error: null });
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.#set({ ...this.#state, error });
    } finally {
      this.#reading = false;
      if (this.#listeners.size > 0) this.#arm();
    }
  }

  #arm(): void {
    this.#timer = setTimeout(() => void this.refresh(), document.hidden ? HIDDEN_MS : SHOWN_MS);
  }

  readonly #onVisible = (): void => {
    if (!document.hidden) void this.refresh();
  };

  /** An unchanged list stays the same value, so nothing is rendered for it. */
  #set(next: SessionListState): void {
    if (JSON.stringify(next) === JSON.stringify(this.#state)) return;
    this.#state = next;
    for (const listener of this.#listeners) listener();
  }
}

export const sessionList = new SessionList();
