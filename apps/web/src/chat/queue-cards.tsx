// The prompts that wait: each can be changed, moved and taken out until it starts.
import { ChevronDown, ChevronUp, Pencil, Play, X } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import type { Session, SessionSnapshot } from '@holdfast/client';
import { contentText, filesOf, type QueuedPrompt } from '@holdfast/shared/protocol';
import { queueCards } from '../model/rows.ts';
import { strings } from '../strings.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { FIELD } from '../ui/fields.tsx';

export interface QueueCardsProps {
  readonly session: Session;
  readonly snapshot: SessionSnapshot;
  /** Runs a request and shows what went wrong with it. */
  readonly run: (request: Promise<unknown>) => void;
}

export function QueueCards({ session, snapshot, run }: QueueCardsProps): ReactNode {
  const waiting = queueCards(snapshot);
  if (waiting.length === 0) return null;
  return (
    <section aria-label={strings.queue.title(waiting.length)} className="mb-2">
      <div className="mb-1 flex min-h-8 items-center justify-between gap-2 px-1 text-xs text-muted">
        <span>{snapshot.view.queuePaused ? strings.queue.paused : strings.queue.title(waiting.length)}</span>
        {snapshot.view.queuePaused && (
          <Button className="text-xs" onClick={() => run(session.resumeQueue())}>
            <Play size={13} aria-hidden /> {strings.queue.resume}
          </Button>
        )}
      </div>
      <ol className="max-h-48 space-y-1.5 overflow-y-auto">
        {waiting.map((prompt, index) => (
          <QueueCard
            key={prompt.promptId}
            prompt={prompt}
            session={session}
            run={run}
            above={waiting[index - 1]?.promptId}
            below={waiting.slice(index + 1)}
          />
        ))}
      </ol>
    </section>
  );
}

interface QueueCardProps {
  readonly prompt: QueuedPrompt;
  readonly session: Session;
  readonly run: QueueCardsProps['run'];
  readonly above: string | undefined;
  readonly below: readonly QueuedPrompt[];
}

function QueueCard({ prompt, session, run, above, below }: QueueCardProps): ReactNode {
  const [isEditing, setEditing] = useState(false);
  const { promptId } = prompt;
  const text = contentText(prompt.content);
  const files = filesOf(prompt.content);
  const move = (before: string | null): void => run(session.movePrompt(promptId, before));
  if (isEditing) {
    const save = (changed: string): void => {
      setEditing(false);
      if (changed.trim() === '' || changed === text) return;
      run(session.editPrompt(promptId, [{ type: 'text', text: changed.trim() }, ...files]));
    };
    return <Editor text={text} onSave={save} onCancel={() => setEditing(false)} />;
  }
  return (
    <li data-queued className="flex items-center gap-1 rounded-xl border border-line bg-panel py-1 pr-1 pl-3">
      <span className="line-clamp-2 min-w-0 flex-1 text-sm break-words">
        {[text, ...files.map(({ name }) => name)].filter((part) => part !== '').join(' · ')}
      </span>
      {prompt.steering === true ? (
        <span className="px-2 text-xs text-muted">{strings.queue.steering}</span>
      ) : (
        <>
          <IconButton
            label={strings.queue.up}
            disabled={above === undefined}
            onClick={() => move(above ?? null)}
          >
            <ChevronUp size={16} aria-hidden />
          </IconButton>
          <IconButton
            label={strings.queue.down}
            disabled={below.length === 0}
            onClick={() => move(below[1]?.promptId ?? null)}
          >
            <ChevronDown size={16} aria-hidden />
          </IconButton>
          <IconButton label={strings.queue.edit} onClick={() => setEditing(true)}>
            <Pencil size={15} aria-hidden />
          </IconButton>
          <IconButton label={strings.queue.cancel} onClick={() => run(session.cancelPrompt(promptId))}>
            <X size={16} aria-hidden />
          </IconButton>
        </>
      )}
    </li>
  );
}

interface EditorProps {
  readonly text: string;
  readonly onSave: (text: string) => void;
  readonly onCancel: () => void;
}

function Editor({ text, onSave, onCancel }: EditorProps): ReactNode {
  const [value, setValue] = useState(text);
  return (
    <li className="space-y-2 rounded-xl border border-accent bg-panel p-2">
      <textarea
        // oxlint-disable-next-line jsx-a11y/no-autofocus -- the person just asked to edit this
        autoFocus
        aria-label={strings.queue.edit}
        className={FIELD}
        rows={Math.min(8, value.split('\n').length + 1)}
        value={value}
        onChange={(event) => setValue(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          onCancel();
        }}
      />
      <div className="flex justify-end gap-2">
        <Button look="ghost" onClick={onCancel}>
          {strings.cancel}
        </Button>
        <Button look="primary" onClick={() => onSave(value)}>
          {strings.save}
        </Button>
      </div>
    </li>
  );
}
