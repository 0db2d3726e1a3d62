// The conversation: only the rows near the screen are in the page, the end stays in sight while the reader is at
// the end, and earlier pages are read when the reader comes near the beginning.
import { ArrowDown } from 'lucide-react';
import { useMemo, type ReactNode } from 'react';
import { Virtualizer } from 'virtua';
import type { SessionSnapshot } from '@holdfast/client';
import { mergeMessages, pendingRows, settledRows, streamingRows, type Row } from '../model/rows.ts';
import type { HistoryState } from '../model/history.ts';
import type { OpenSession } from '../model/open-session.ts';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/button.tsx';
import { MessageRow } from './message-row.tsx';
import { PendingRow } from './pending-row.tsx';
import { StreamingRow } from './streaming-row.tsx';
import { ToolCard } from './tool-card.tsx';
import { useFollowEnd } from './use-follow-end.ts';

export interface ConversationProps {
  readonly open: OpenSession;
  readonly snapshot: SessionSnapshot;
  readonly history: HistoryState;
}

export function Conversation({ open, snapshot, history }: ConversationProps): ReactNode {
  const rows = useRows(snapshot, history);
  const follow = useFollowEnd(rows, () => void open.history.older());
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={follow.scrollRef}
        role="region"
        aria-label={strings.chat.region}
        tabIndex={0}
        data-rows={rows.length}
        className="h-full overflow-y-auto overscroll-contain [overflow-anchor:none] focus-visible:outline-offset-[-2px]"
      >
        <div className="mx-auto max-w-3xl px-4 pt-4 pb-2">
          <Beginning history={history} snapshot={snapshot} onRetry={() => void open.history.older()} />
          <Virtualizer
            ref={follow.listRef}
            scrollRef={follow.scrollRef}
            startMargin={BEGINNING_PX}
            shift={follow.isPrepending}
            bufferSize={600}
            data={rows}
          >
            {(row) => (
              <div key={row.key} className="pb-4" data-row={row.kind}>
                <RowView row={row} open={open} view={snapshot.view} />
              </div>
            )}
          </Virtualizer>
          <Activity snapshot={snapshot} />
        </div>
      </div>
      {!follow.isAtEnd && (
        <IconButton
          label={strings.chat.toEnd}
          onClick={follow.toEnd}
          className="absolute bottom-3 left-1/2 -translate-x-1/2 border border-line bg-panel! shadow-md"
        >
          <ArrowDown size={18} aria-hidden />
        </IconButton>
      )}
    </div>
  );
}

/** Height of what stands above the first row, so that the list knows where it begins. */
const BEGINNING_PX = 56;

function Beginning({
  history,
  snapshot,
  onRetry,
}: {
  history: HistoryState;
  snapshot: SessionSnapshot;
  onRetry: () => void;
}): ReactNode {
  const isFailed = history.phase === 'failed';
  const text = isFailed
    ? strings.chat.olderFailed
    : history.phase === 'loading'
      ? strings.chat.loadingOlder
      : '';
  const isBeginning = history.phase === 'ready' && !history.more && snapshot.view.messages.length > 0;
  return (
    <div className="flex h-10 items-center justify-center gap-2 text-xs text-muted">
      {isBeginning ? strings.chat.begin : text}
      {isFailed && (
        <button type="button" className="text-accent underline" onClick={onRetry}>
          {strings.retry}
        </button>
      )}
    </div>
  );
}

function useRows(snapshot: SessionSnapshot, history: HistoryState): readonly Row[] {
  const { view } = snapshot;
  const messages = useMemo(
    () => mergeMessages(history.messages, view.messages),
    [history.messages, view.messages],
  );
  const settled = useMemo(() => settledRows(messages, history.lines), [messages, history.lines]);
  return useMemo(
    () => [...settled, ...streamingRows(view.openBlocks), ...pendingRows({ view, local: snapshot.local })],
    [settled, view, snapshot.local],
  );
}

function RowView({
  row,
  open,
  view,
}: {
  row: Row;
  open: OpenSession;
  view: SessionSnapshot['view'];
}): ReactNode {
  switch (row.kind) {
    case 'message':
      return <MessageRow message={row.message} />;
    case 'tool':
      return (
        <ToolCard
          message={row.message}
          steps={row.steps}
          isLive={row.message.turnId === view.turn?.turnId}
          isAsking={view.approvals.some(({ toolCallId }) => toolCallId === row.message.toolCallId)}
        />
      );
    case 'line':
      return (
        <p className="flex items-center gap-3 text-xs text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
          {row.text}
        </p>
      );
    case 'streaming':
      return <StreamingRow block={row.block} />;
    case 'pending':
      return <PendingRow row={row} session={open.session} />;
  }
}

/** A turn is in flight and nothing else on the screen moves. */
function Activity({ snapshot }: { snapshot: SessionSnapshot }): ReactNode {
  const { turn, openBlocks, approvals } = snapshot.view;
  const isQuiet = turn === null || openBlocks.length > 0 || approvals.length > 0;
  return (
    <div className="flex h-6 items-center gap-2 text-sm text-muted">
      {!isQuiet && snapshot.connection.kind === 'live' && (
        <>
          <span className="working-dot size-2 rounded-full bg-accent" />
          {turn.stalled ? strings.chat.stalled : strings.chat.working}
        </>
      )}
    </div>
  );
}
