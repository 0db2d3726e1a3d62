import { clsx } from 'clsx';
import { useEffect, useState, type ReactNode } from 'react';
import type { SessionStatus, SessionSummary } from '@holdfast/shared/protocol';
import { Link } from 'wouter';
import { ago, folderName } from '../model/format.ts';
import { strings } from '../strings.ts';

const DOTS: Readonly<Record<SessionStatus, string>> = {
  idle: 'bg-line',
  queued: 'bg-accent/50',
  paused: 'bg-warn',
  running: 'bg-accent working-dot',
  awaiting_approval: 'bg-warn ring-4 ring-warn-soft',
};

/** One session of the list; a link, so that it opens in a new tab as well. */
export function SessionItem({ session, isOpen }: { session: SessionSummary; isOpen: boolean }): ReactNode {
  const { sessionId, title, cwd, status, updatedAt, role } = session;
  const now = useNow();
  const name = title ?? strings.list.untitled;
  return (
    <li>
      <Link
        href={`/s/${sessionId}`}
        aria-current={isOpen ? 'page' : undefined}
        data-status={status}
        className={clsx(
          'flex min-h-14 items-center gap-3 rounded-xl px-3 py-2',
          isOpen ? 'bg-accent-soft' : 'hover:bg-raised',
        )}
      >
        <span aria-hidden className={clsx('size-2.5 shrink-0 rounded-full', DOTS[status])} />
        <span className="min-w-0 flex-1">
          <span className="block truncate text-sm font-medium">{name}</span>
          <span className="flex gap-1.5 text-xs text-muted">
            <span className={clsx('shrink-0', status === 'awaiting_approval' && 'font-semibold text-warn')}>
              {strings.list.statusOf[status]}
            </span>
            <span aria-hidden>·</span>
            <span className="truncate">
              {role === 'owner' ? folderName(cwd, sessionId) : strings.list.shared}
            </span>
          </span>
        </span>
        <span className="shrink-0 text-xs text-muted tabular-nums">{ago(updatedAt, now)}</span>
      </Link>
    </li>
  );
}

const REFRESH_MS = 30_000;

function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
