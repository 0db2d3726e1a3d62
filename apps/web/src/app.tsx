// The page: the list beside the open session on a wide screen, one of the two on a phone.
import { Component, useEffect, useRef, useState, type ReactNode } from 'react';
import { useRoute } from 'wouter';
import type { SessionSummary } from '@holdfast/shared/protocol';
import { SessionPage } from './chat/session-page.tsx';
import { showAttention } from './model/attention.ts';
import { isNotifying, notify } from './model/notifications.ts';
import { sessionList } from './model/session-list.ts';
import { useObservable } from './model/use-observable.ts';
import { NewSessionDialog } from './sessions/new-session-dialog.tsx';
import { SessionSidebar } from './sessions/session-sidebar.tsx';
import { SettingsDialog } from './sessions/settings-dialog.tsx';
import { strings } from './strings.ts';
import { Button } from './ui/button.tsx';
import { CopyButton } from './ui/copy-button.tsx';

export function App(): ReactNode {
  const list = useObservable(sessionList);
  const [, params] = useRoute<{ id: string }>('/s/:id');
  const openId = params?.id;
  const [dialog, setDialog] = useState<'new' | 'settings'>();
  useAttention(list.sessions ?? [], openId);
  if (list.error?.code === 'unauthenticated') return <LoggedOut />;
  return (
    // Exactly one landmark is the main one: the session, or without one all of the page.
    <div className="flex h-full" role={openId === undefined ? 'main' : undefined}>
      {openId !== undefined && (
        <a
          href="#composer"
          className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:rounded-lg focus:bg-panel focus:p-3"
        >
          {strings.skipToComposer}
        </a>
      )}
      <div
        className={`h-full w-full shrink-0 border-line md:block md:w-80 md:border-r ${openId === undefined ? '' : 'hidden'}`}
      >
        <SessionSidebar
          list={list}
          openId={openId}
          onNew={() => setDialog('new')}
          onSettings={() => setDialog('settings')}
        />
      </div>
      <div
        role={openId === undefined ? undefined : 'main'}
        className={`h-full min-w-0 flex-1 ${openId === undefined ? 'hidden md:flex' : 'flex'}`}
      >
        {openId === undefined ? (
          <Nothing onNew={() => setDialog('new')} />
        ) : (
          <SessionPage key={openId} id={openId} />
        )}
      </div>
      <NewSessionDialog
        isOpen={dialog === 'new'}
        onClose={() => setDialog(undefined)}
        known={list.sessions ?? []}
      />
      <SettingsDialog isOpen={dialog === 'settings'} onClose={() => setDialog(undefined)} />
    </div>
  );
}

/** Title, icon and, in the background, a notification for each session that begins to wait for its person. */
function useAttention(sessions: readonly SessionSummary[], openId: string | undefined): void {
  const waiting = sessions.filter(({ status }) => status === 'awaiting_approval');
  const title = sessions.find(({ sessionId }) => sessionId === openId)?.title ?? null;
  const known = useRef(new Set<string>());
  useEffect(() => showAttention(waiting.length, title));
  useEffect(() => {
    const fresh = waiting.filter(({ sessionId }) => !known.current.has(sessionId));
    known.current = new Set(waiting.map(({ sessionId }) => sessionId));
    if (!document.hidden || !isNotifying()) return;
    for (const session of fresh) {
      const body = session.title ?? strings.list.untitled;
      void notify({ title: strings.needsYou, body, path: `/s/${session.sessionId}` });
    }
  }, [waiting]);
}

function Nothing({ onNew }: { onNew: () => void }): ReactNode {
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-4 p-6 text-center">
      <img src="/icon.svg" alt="" className="size-14 opacity-90" />
      <p className="text-muted">{strings.list.pick}</p>
      <Button onClick={onNew}>{strings.list.newSession}</Button>
    </div>
  );
}

function LoggedOut(): ReactNode {
  return (
    <main className="flex h-full flex-col items-center justify-center gap-3 p-6 text-center">
      <img src="/icon.svg" alt="" className="mb-2 size-14" />
      <h1 className="text-xl font-semibold">{strings.login.title}</h1>
      <p className="text-muted">{strings.login.body}</p>
      <div className="flex max-w-full items-center gap-1 rounded-lg border border-line bg-panel py-1 pr-1 pl-3">
        <code className="font-mono text-sm break-all">{strings.login.command}</code>
        <CopyButton text={strings.login.command} />
      </div>
    </main>
  );
}

/** A fault of the page must not look like a fault of the session. */
export class FaultBoundary extends Component<
  { readonly children: ReactNode },
  { readonly hasFault: boolean }
> {
  override state = { hasFault: false };

  static getDerivedStateFromError(): { readonly hasFault: boolean } {
    return { hasFault: true };
  }

  override render(): ReactNode {
    if (!this.state.hasFault) return this.props.children;
    return (
      <main className="flex h-full flex-col items-center justify-center gap-3 p-6 text-center">
        <p>{strings.errors.crashed}</p>
        <Button look="primary" onClick={() => globalThis.location.reload()}>
          {strings.errors.reload}
        </Button>
      </main>
    );
  }
}
