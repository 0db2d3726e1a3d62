// The list of sessions: what each is doing, which need their person, and the way to a new one.
import { Archive, ArrowLeft, Plus, Search, Settings } from 'lucide-react';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import type { SessionSummary } from '@holdfast/shared/protocol';
import { sessionList, type SessionListState } from '../model/session-list.ts';
import { strings } from '../strings.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { FIELD } from '../ui/fields.tsx';
import { SessionItem } from './session-item.tsx';

export interface SessionSidebarProps {
  readonly list: SessionListState;
  readonly openId: string | undefined;
  readonly onNew: () => void;
  readonly onSettings: () => void;
}

export function SessionSidebar({ list, openId, onNew, onSettings }: SessionSidebarProps): ReactNode {
  const [query, setQuery] = useState('');
  const [showsArchived, setShowsArchived] = useState(false);
  useEffect(() => sessionList.showArchived(showsArchived), [showsArchived]);
  const sessions = showsArchived ? list.archived : list.sessions;
  const found = useMemo(() => sessions?.filter((session) => matches(session, query)), [sessions, query]);
  return (
    <nav
      aria-label={strings.list.title}
      className="flex h-full min-h-0 flex-col pt-[env(safe-area-inset-top)]"
    >
      <div className="flex h-14 shrink-0 items-center gap-1 px-3">
        <img src="/icon.svg" alt="" className="mr-2 ml-1 size-7" />
        {openId === undefined ? (
          <h1 className="flex-1 font-semibold">{strings.product}</h1>
        ) : (
          <span className="flex-1 font-semibold">{strings.product}</span>
        )}
        <IconButton label={strings.settings.title} onClick={onSettings}>
          <Settings size={17} aria-hidden />
        </IconButton>
        <Button look="primary" onClick={onNew}>
          <Plus size={16} aria-hidden /> {strings.list.newSession}
        </Button>
      </div>
      <div className="relative px-3 pb-2">
        <Search size={15} aria-hidden className="absolute top-2.5 left-6 text-muted pointer-coarse:top-3.5" />
        <input
          type="search"
          aria-label={strings.list.search}
          placeholder={strings.list.search}
          className={`${FIELD} min-h-9 pl-9 pointer-coarse:min-h-11`}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      </div>
      <ul className="min-h-0 flex-1 space-y-0.5 overflow-y-auto px-2 pb-2">
        {found?.map((session) => (
          <SessionItem key={session.sessionId} session={session} isOpen={session.sessionId === openId} />
        ))}
        <li className="list-none">
          <ListState list={list} shown={sessions} found={found} isArchive={showsArchived} />
        </li>
      </ul>
      <div className="border-t border-line p-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]">
        <Button
          look="ghost"
          className="w-full justify-start! text-muted"
          onClick={() => setShowsArchived(!showsArchived)}
        >
          {showsArchived ? <ArrowLeft size={15} aria-hidden /> : <Archive size={15} aria-hidden />}
          {showsArchived ? strings.list.showActive : strings.list.showArchived}
        </Button>
      </div>
    </nav>
  );
}

function matches({ title, cwd }: SessionSummary, query: string): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${title ?? strings.list.untitled} ${cwd}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

interface ListStateProps {
  readonly list: SessionListState;
  readonly shown: readonly SessionSummary[] | undefined;
  readonly found: readonly SessionSummary[] | undefined;
  readonly isArchive: boolean;
}

/** What to say where there is nothing to list. */
function ListState({ list, shown, found, isArchive }: ListStateProps): ReactNode {
  if (list.error !== null) {
    return (
      <p role="status" className="m-2 rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn">
        {strings.list.loadFailed} {list.error.message}
      </p>
    );
  }
  if (shown === undefined) return <p className="p-3 text-sm text-muted">{strings.loading}</p>;
  if (found !== undefined && found.length > 0) return null;
  if (shown.length > 0) return <p className="p-3 text-sm text-muted">{strings.list.noMatch}</p>;
  if (isArchive) return <p className="p-3 text-sm text-muted">{strings.list.noArchived}</p>;
  return (
    <div className="p-3 text-sm">
      <p className="font-medium">{strings.list.empty}</p>
      <p className="mt-1 text-muted">{strings.list.emptyBody}</p>
    </div>
  );
}
