// A session that is open in the page, with everything that is read of it. One object for one id.
import type { Session, SessionStore } from '@holdfast/client';
import { SessionId } from '@holdfast/shared/protocol';
import { client } from './client.ts';
import { SessionHistory } from './history.ts';
import { resumeOutbox } from './outbox.ts';

export interface OpenSession {
  readonly session: Session;
  readonly store: SessionStore;
  readonly history: SessionHistory;
}

const opened = new Map<string, OpenSession>();

/** Undefined for a text that is no session id. Starts the session's agent, since a person opened it. */
export function openSession(id: string): OpenSession | undefined {
  if (!SessionId.safeParse(id).success) return undefined;
  const known = opened.get(id);
  if (known !== undefined) return known;
  const session = client.session(id);
  const store = session.store();
  const open: OpenSession = { session, store, history: new SessionHistory(id) };
  open.history.follow(store);
  opened.set(id, open);
  resumeOutbox(session);
  session.open().catch(() => {
    // What is wrong with the session or the connection is shown by the store.
  });
  return open;
}
