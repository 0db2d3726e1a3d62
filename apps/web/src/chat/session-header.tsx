// The top of an open session: its name, the connection, usage, and what can be done with it.
import {
  Archive,
  ArchiveRestore,
  ArrowLeft,
  ClipboardCopy,
  Download,
  Ellipsis,
  Pencil,
  Trash2,
} from 'lucide-react';
import { useState, type ReactNode } from 'react';
import type { SessionSnapshot } from '@holdfast/client';
import type { SessionRole } from '@holdfast/shared/protocol';
import { Link } from 'wouter';
import { clockTime, folderName } from '../model/format.ts';
import type { HistoryState } from '../model/history.ts';
import { toMarkdown } from '../model/markdown-export.ts';
import type { OpenSession } from '../model/open-session.ts';
import { mergeMessages } from '../model/rows.ts';
import { sessionList } from '../model/session-list.ts';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/button.tsx';
import { Menu, type MenuItem } from '../ui/menu.tsx';
import { ConnectionPill } from './connection-pill.tsx';
import { DeleteDialog, RenameDialog } from './session-dialogs.tsx';
import { UsageButton } from './usage-button.tsx';

export interface SessionHeaderProps {
  readonly open: OpenSession;
  readonly snapshot: SessionSnapshot;
  readonly history: HistoryState;
  readonly role: SessionRole;
  readonly run: (request: Promise<unknown>) => void;
}

export function SessionHeader({ open, snapshot, history, role, run }: SessionHeaderProps): ReactNode {
  const [dialog, setDialog] = useState<'rename' | 'delete'>();
  const { view } = snapshot;
  const title = view.title ?? strings.list.untitled;
  const isDemo = view.child.state === 'running' && view.child.modelSource === 'demo';
  const set = (changes: { readonly title?: string; readonly archived?: boolean }): void =>
    run(open.session.set(changes).then(async () => sessionList.refresh()));
  const items = menuItems({
    ...{ open, snapshot, history, role, title, run },
    onDialog: setDialog,
    onSet: set,
  });
  return (
    <div className="flex min-h-14 items-center gap-1.5 border-b border-line px-2 pt-[env(safe-area-inset-top)] md:px-4">
      <Link
        href="/"
        aria-label={strings.session.back}
        className="inline-flex size-11 shrink-0 items-center justify-center rounded-lg text-muted hover:bg-raised md:hidden"
      >
        <ArrowLeft size={20} aria-hidden />
      </Link>
      <div className="min-w-0 flex-1">
        <h1 className="truncate text-[15px] leading-tight font-semibold">{title}</h1>
        <p className="flex items-center gap-2 text-xs text-muted">
          <span className="truncate" title={view.cwd}>
            {folderName(view.cwd, open.session.sessionId)}
          </span>
          {isDemo && (
            <span title={strings.session.demoHint} className="shrink-0 rounded bg-raised px-1.5">
              {strings.session.demo}
            </span>
          )}
          {view.bypass !== null && (
            <span
              title={strings.session.bypassHint}
              className="shrink-0 rounded bg-danger-soft px-1.5 font-semibold text-danger"
            >
              {strings.session.bypass(clockTime(view.bypass.until))}
            </span>
          )}
          {view.settings.permissionMode !== 'default' && (
            <span className="shrink-0 rounded bg-raised px-1.5">
              {strings.modes[view.settings.permissionMode].name}
            </span>
          )}
        </p>
      </div>
      <ConnectionPill status={snapshot.connection} />
      <UsageButton view={view} session={open.session} />
      <Menu
        trigger={
          <IconButton label={strings.session.menu}>
            <Ellipsis size={18} aria-hidden />
          </IconButton>
        }
        items={items}
      />
      <RenameDialog
        key={title}
        title={title}
        isOpen={dialog === 'rename'}
        onClose={() => setDialog(undefined)}
        onRename={(changed) => set({ title: changed })}
      />
      <DeleteDialog open={open} isOpen={dialog === 'delete'} onClose={() => setDialog(undefined)} run={run} />
    </div>
  );
}

interface MenuInput extends SessionHeaderProps {
  readonly title: string;
  readonly onDialog: (dialog: 'rename' | 'delete') => void;
  readonly onSet: (changes: { readonly archived: boolean }) => void;
}

function menuItems({ snapshot, history, role, title, run, onDialog, onSet }: MenuInput): readonly MenuItem[] {
  const { archived, messages } = snapshot.view;
  const markdown = (): string => toMarkdown(title, mergeMessages(history.messages, messages));
  const icon = { size: 16, 'aria-hidden': true } as const;
  const forReaders: readonly MenuItem[] = [
    {
      label: strings.session.copyAll,
      icon: <ClipboardCopy {...icon} />,
      onPick: () => run(navigator.clipboard.writeText(markdown())),
    },
    {
      label: strings.session.export,
      icon: <Download {...icon} />,
      onPick: () => download(title, markdown()),
    },
  ];
  if (role !== 'owner') return forReaders;
  return [
    { label: strings.session.rename, icon: <Pencil {...icon} />, onPick: () => onDialog('rename') },
    {
      label: archived ? strings.session.restore : strings.session.archive,
      icon: archived ? <ArchiveRestore {...icon} /> : <Archive {...icon} />,
      onPick: () => onSet({ archived: !archived }),
    },
    ...forReaders,
    {
      label: strings.session.remove,
      icon: <Trash2 {...icon} />,
      isDanger: true,
      onPick: () => onDialog('delete'),
    },
  ];
}

function download(title: string, markdown: string): void {
  const url = URL.createObjectURL(new Blob([markdown], { type: 'text/markdown' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${title.replaceAll(/[^\w-]+/g, '-').slice(0, 60) || 'session'}.md`;
  link.click();
  URL.revokeObjectURL(url);
}
