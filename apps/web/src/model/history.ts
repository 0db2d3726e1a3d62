// The part of a conversation that the session's view does not hold: older pages, whole texts of what a snapshot
// cut short, and lines about takeovers and lost agents. Read over HTTP, page by page, newest first.
import type { Observable, SessionSnapshot, SessionStore } from '@holdfast/client';
import { applyEvent, EMPTY_VIEW, type Message, type SessionEvent } from '@holdfast/shared/protocol';
import { strings } from '../strings.ts';
import { client } from './client.ts';
import type { Line } from './rows.ts';

const PAGE_EVENTS = 200;
/** Pages that are read by themselves for what was missed while away; more are a click away. */
const MAX_FILL_PAGES = 25;

export interface HistoryState {
  readonly messages: readonly Message[];
  readonly lines: readonly Line[];
  readonly phase: 'loading' | 'ready' | 'failed';
  /** Whether there are older pages. */
  readonly more: boolean;
  /** Whole inputs of what was asked, by approval id. */
  readonly asked: ReadonlyMap<string, unknown>;
}

type Completed = Extract<SessionEvent, { type: 'tool_call_completed' }>;

export class SessionHistory implements Observable<HistoryState> {
  readonly #sessionId: string;
  readonly #listeners = new Set<() => void>();
  #state: HistoryState = { messages: [], lines: [], phase: 'loading', more: false, asked: new Map() };
  #first: number | null = null;
  /** Results whose calls are on a page not read yet. */
  #orphans: readonly Completed[] = [];
  #before: SessionSnapshot | undefined;

  constructor(sessionId: string) {
    this.#sessionId = sessionId;
    void this.#load(undefined);
  }

  readonly getSnapshot = (): HistoryState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Reads the next older page, or tries the failed one again. */
  async older(): Promise<void> {
    if (this.#state.phase === 'loading') return;
    if (this.#state.phase === 'ready' && !this.#state.more) return;
    this.#set({ phase: 'loading' });
    await this.#load(this.#first ?? undefined);
  }

  /** Watches the live view for what no message tells. */
  follow(store: SessionStore): () => void {
    return store.subscribe(() => {
      const now = store.getSnapshot();
      const before = this.#before;
      this.#before = now;
      if (before === undefined || before.position === null || before.view === now.view) return;
      if (now.hole !== null && now.hole !== before.hole) void this.#fill(now.hole);
      const text = lineBetween(before.view, now.view);
      if (text !== undefined) this.#addLines([{ offset: now.view.offset, text }]);
    });
  }

  async #load(before: number | undefined): Promise<void> {
    const page = { limit: PAGE_EVENTS, ...(before === undefined ? {} : { before }) };
    const result = await client.http.history(this.#sessionId, page).catch(() => undefined);
    if (result === undefined) {
      this.#set({ phase: 'failed' });
      return;
    }
    const view = [...result.events, ...this.#orphans].reduce(
      (folded, event) => applyEvent(folded, event),
      EMPTY_VIEW,
    );
    this.#orphans = orphansOf(result.events, this.#orphans);
    this.#first = result.first ?? this.#first;
    this.#add(result.events, view.messages);
    this.#set({ phase: 'ready', more: result.more });
  }

  /** Reads the stretch that was skipped while this page was away for longer than the log keeps events. */
  async #fill({ after, before }: { readonly after: number; readonly before: number }): Promise<void> {
    let end = before;
    for (let page = 0; page < MAX_FILL_PAGES; page += 1) {
      const options = { limit: PAGE_EVENTS, before: end };
      const result = await client.http.history(this.#sessionId, options).catch(() => undefined);
      if (result === undefined) return;
      const view = result.events.reduce((folded, event) => applyEvent(folded, event), EMPTY_VIEW);
      this.#add(result.events, view.messages);
      if (result.first === null || !result.more || result.first <= after + 1) return;
      end = result.first;
    }
  }

  #add(events: readonly SessionEvent[], messages: readonly Message[]): void {
    const byOffset = new Map(
      [...this.#state.messages, ...messages].map((message) => [message.offset, message]),
    );
    this.#addLines(linesOf(events));
    this.#set({
      messages: [...byOffset.values()].toSorted((one, other) => one.offset - other.offset),
      asked: new Map([...this.#state.asked, ...askedIn(events)]),
    });
  }

  #addLines(added: readonly Line[]): void {
    const byOffset = new Map([...this.#state.lines, ...added].map((line) => [line.offset, line]));
    if (byOffset.size === this.#state.lines.length) return;
    this.#set({ lines: [...byOffset.values()].toSorted((one, other) => one.offset - other.offset) });
  }

  #set(changes: Partial<HistoryState>): void {
    this.#state = { ...this.#state, ...changes };
    for (const listener of this.#listeners) listener();
  }
}

function orphansOf(events: readonly SessionEvent[], later: readonly Completed[]): readonly Completed[] {
  const started = new Set(
    events.flatMap((event) => (event.type === 'tool_call_started' ? [event.toolCallId] : [])),
  );
  const completed = events.filter((event): event is Completed => event.type === 'tool_call_completed');
  return [...completed, ...later].filter(({ toolCallId }) => !started.has(toolCallId));
}

function askedIn(events: readonly SessionEvent[]): readonly (readonly [string, unknown])[] {
  return events.flatMap((event) =>
    event.type === 'approval_requested' ? [[event.approvalId, event.input] as const] : [],
  );
}

/** The first claim of a session is no takeover. */
const FIRST_CLAIM = 3;

function linesOf(events: readonly SessionEvent[]): readonly Line[] {
  return events.flatMap((event): Line[] => {
    if (event.type === 'owner_changed' && event.offset > FIRST_CLAIM) {
      return [{ offset: event.offset, text: strings.chat.tookOver }];
    }
    if (event.type === 'child_exited' && !event.expected) {
      return [{ offset: event.offset, text: strings.chat.childExited(event.cause) }];
    }
    return [];
  });
}

type View = SessionSnapshot['view'];

function lineBetween(before: View, now: View): string | undefined {
  const hadOwner = before.owner.fence > 0 && before.owner.fence !== now.owner.fence;
  if (hadOwner && now.offset > FIRST_CLAIM) return strings.chat.tookOver;
  const ended = before.child.state === 'running' && now.child.state === 'exited' && !now.child.expected;
  return ended && now.child.state === 'exited' ? strings.chat.childExited(now.child.cause) : undefined;
}
