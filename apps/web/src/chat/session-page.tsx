// An open session: header, conversation, what the agent asks, what waits, and the composer.
import { useCallback, useEffect, useState, type ReactNode } from 'react';
import { HoldfastError, type SessionSnapshot } from '@holdfast/client';
import type { SessionId, SessionRole } from '@holdfast/shared/protocol';
import { Link } from 'wouter';
import { Approvals } from '../approvals/approvals.tsx';
import { openSession, type OpenSession } from '../model/open-session.ts';
import { sessionList } from '../model/session-list.ts';
import { useObservable } from '../model/use-observable.ts';
import { strings } from '../strings.ts';
import { Announcer } from './announcer.tsx';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { QueueCards } from './queue-cards.tsx';
import { SessionHeader } from './session-header.tsx';

export function SessionPage({ id }: { id: string }): ReactNode {
  const open = openSession(id);
  return open === undefined ? <NotFound /> : <OpenSessionPage open={open} />;
}

function OpenSessionPage({ open }: { open: OpenSession }): ReactNode {
  const snapshot = useObservable(open.store);
  const history = useObservable(open.history);
  const { problem, run, clear } = useRequests();
  const stop = useCallback(() => run(open.session.abort()), [open, run]);
  const role = useRole(open.session.sessionId);
  useStopKey(role === 'owner' && snapshot.view.turn !== null, stop);
  const { status } = snapshot;
  const { title } = snapshot.view;
  // What is seen here first need not wait for the list's next turn.
  useEffect(() => void sessionList.refresh(), [status, title]);
  if (snapshot.error?.code === 'session_not_found') return <NotFound />;
  const isEmpty = snapshot.position !== null && snapshot.view.messages.every(({ kind }) => kind === 'notice');
  return (
    <div className="flex h-full min-w-0 flex-1 flex-col">
      <SessionHeader open={open} snapshot={snapshot} history={history} run={run} role={role} />
      {isEmpty && snapshot.local.length === 0 && snapshot.view.queue.length === 0 ? (
        <Empty cwd={snapshot.view.cwd} />
      ) : (
        <Conversation open={open} snapshot={snapshot} history={history} />
      )}
      <Announcer snapshot={snapshot} />
      <div className="mx-auto w-full max-w-3xl px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))]">
        {problem !== undefined && (
          <p
            role="alert"
            className="mb-2 flex items-center gap-2 rounded-lg bg-danger-soft px-3 py-2 text-sm text-danger"
          >
            <span className="min-w-0 flex-1 break-words">{problem}</span>
            <button type="button" className="underline" onClick={clear}>
              {strings.dismiss}
            </button>
          </p>
        )}
        {role !== 'viewer' && <Approvals open={open} snapshot={snapshot} history={history} role={role} />}
        {role === 'owner' ? (
          <>
            <QueueCards session={open.session} snapshot={snapshot} run={run} />
            <Composer key={open.session.sessionId} open={open} snapshot={snapshot} onStop={stop} />
          </>
        ) : (
          <p className="rounded-xl bg-raised px-4 py-3 text-center text-sm text-muted">
            {strings.session.readOnly[role]}
          </p>
        )}
      </div>
    </div>
  );
}

/** What the person may do here, as the list says; one's own until it says otherwise. */
function useRole(sessionId: SessionId): SessionRole {
  const { sessions, archived } = useObservable(sessionList);
  return (
    [...(sessions ?? []), ...(archived ?? [])].find((one) => one.sessionId === sessionId)?.role ?? 'owner'
  );
}

/** Requests whose outcome shows by itself; what goes wrong with one is told as a sentence. */
function useRequests(): {
  readonly problem: string | undefined;
  readonly run: (request: Promise<unknown>) => void;
  readonly clear: () => void;
} {
  const [problem, setProblem] = useState<string>();
  const run = useCallback((request: Promise<unknown>) => {
    setProblem(undefined);
    request.catch((error: unknown) => {
      setProblem(error instanceof HoldfastError ? error.message : strings.errors.fallback);
    });
  }, []);
  return { problem, run, clear: () => setProblem(undefined) };
}

/** Esc stops the turn, unless something in front of the page (a dialog, a menu) takes it. */
function useStopKey(isRunning: boolean, stop: () => void): void {
  useEffect(() => {
    if (!isRunning) return;
    const onKey = (event: KeyboardEvent): void => {
      const isTaken = event.defaultPrevented || document.querySelector('[role=dialog],[role=menu]') !== null;
      if (event.key === 'Escape' && !isTaken && !event.isComposing) stop();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [isRunning, stop]);
}

function Empty({ cwd }: { cwd: SessionSnapshot['view']['cwd'] }): ReactNode {
  return (
    <div className="flex min-h-0 flex-1 flex-col items-center justify-center gap-2 px-6 text-center">
      <h2 className="text-xl font-semibold">{strings.chat.empty}</h2>
      <p className="max-w-md text-sm text-muted">{strings.chat.emptyHint}</p>
      <code className="max-w-full rounded bg-raised px-2 py-1 font-mono text-xs break-all">{cwd}</code>
    </div>
  );
}

function NotFound(): ReactNode {
  return (
    <div className="flex h-full flex-1 flex-col items-center justify-center gap-3 px-6 text-center">
      <p>{strings.session.notFound}</p>
      <Link href="/" className="text-accent underline">
        {strings.session.notFoundAction}
      </Link>
    </div>
  );
}
