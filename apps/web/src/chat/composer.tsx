// Where a person writes. Never locked: what is written while the agent works waits, steers or interrupts, as chosen.
import { clsx } from 'clsx';
import { ArrowUp, Paperclip, Square } from 'lucide-react';
import {
  useCallback,
  useEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from 'react';
import type { SessionSnapshot } from '@holdfast/client';
import { MAX_PROMPT_CHARS } from '@holdfast/shared/protocol';
import type { OpenSession } from '../model/open-session.ts';
import { sendPrompt, type SentFile } from '../model/outbox.ts';
import { readStored, writeStored } from '../model/storage.ts';
import { strings } from '../strings.ts';
import { AttachmentList, useAttachments, type Attachment, type Attachments } from './attachments.tsx';
import { IconButton } from '../ui/button.tsx';

const MODES = ['queue', 'steer', 'interrupt'] as const;
type Mode = (typeof MODES)[number];

export interface ComposerProps {
  readonly open: OpenSession;
  readonly snapshot: SessionSnapshot;
  readonly onStop: () => void;
}

export function Composer({ open, snapshot, onStop }: ComposerProps): ReactNode {
  const { session } = open;
  const isBusy = snapshot.view.turn !== null;
  const [draft, setDraft] = useDraft(session.sessionId);
  const [mode, setMode] = useState<Mode>('queue');
  const field = useRef<HTMLTextAreaElement>(null);
  useGrowth(field, draft);
  const isTooLong = draft.length > MAX_PROMPT_CHARS;
  const attachments = useAttachments(session.sessionId);
  const files = readyFiles(attachments.list);
  const isUploading = attachments.list.some(({ state }) => state.kind === 'uploading');
  const canSend = (draft.trim() !== '' || files.length > 0) && !isTooLong && !isUploading;
  const send = (): void => {
    if (!canSend) return;
    sendPrompt(session, {
      text: draft.trim(),
      files,
      whenBusy: isBusy && mode !== 'queue' ? mode : undefined,
    });
    attachments.clear();
    setDraft('');
    setMode('queue');
  };
  return (
    <div
      className="rounded-2xl border border-line bg-panel shadow-sm focus-within:border-accent"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        attachments.add(event.dataTransfer.files);
      }}
    >
      {isBusy && <BusyModes mode={mode} onPick={setMode} />}
      <AttachmentList attachments={attachments} />
      <textarea
        ref={field}
        onPaste={(event) => {
          if (event.clipboardData.files.length === 0) return;
          event.preventDefault();
          attachments.add(event.clipboardData.files);
        }}
        id="composer"
        rows={1}
        value={draft}
        aria-label={strings.composer.label}
        placeholder={isBusy ? strings.composer.placeholderBusy : strings.composer.placeholder}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => isSendKey(event) && (event.preventDefault(), send())}
        className="block max-h-[40dvh] w-full resize-none pointer-coarse:min-h-11 bg-transparent px-4 pt-3 pb-1 placeholder:text-muted focus-visible:outline-none"
      />
      <div className="flex items-center gap-2 px-2 pb-2">
        <AttachButton attachments={attachments} />
        <p className={clsx('min-w-0 flex-1 truncate pl-2 text-xs', isTooLong ? 'text-danger' : 'text-muted')}>
          {isTooLong ? (
            strings.composer.tooLong
          ) : (
            <span className="pointer-coarse:hidden">{strings.composer.keys}</span>
          )}
        </p>
        {isBusy && (
          <IconButton
            label={strings.composer.stopHint}
            onClick={onStop}
            className="border border-line text-danger! hover:bg-danger-soft!"
          >
            <Square size={14} fill="currentColor" aria-hidden />
          </IconButton>
        )}
        <IconButton
          label={strings.composer.send}
          disabled={!canSend}
          onClick={send}
          className="bg-accent! text-on-accent! hover:opacity-90"
        >
          <ArrowUp size={18} aria-hidden />
        </IconButton>
      </div>
    </div>
  );
}

function readyFiles(list: readonly Attachment[]): readonly SentFile[] {
  return list.flatMap(({ name, state }) =>
    state.kind === 'ready' ? [{ name, uploadId: state.uploadId }] : [],
  );
}

function AttachButton({ attachments }: { attachments: Attachments }): ReactNode {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={strings.composer.attach}
        onChange={({ target }) => {
          attachments.add([...(target.files ?? [])]);
          target.value = '';
        }}
      />
      <IconButton label={strings.composer.attach} onClick={() => input.current?.click()}>
        <Paperclip size={17} aria-hidden />
      </IconButton>
    </>
  );
}

function BusyModes({ mode, onPick }: { mode: Mode; onPick: (mode: Mode) => void }): ReactNode {
  const hints = {
    queue: strings.composer.queueHint,
    steer: strings.composer.steerHint,
    interrupt: strings.composer.interruptHint,
  };
  return (
    <fieldset className="flex flex-wrap items-center gap-1 border-b border-line px-2 py-1.5">
      <legend className="sr-only">{strings.composer.whenBusy}</legend>
      {MODES.map((choice) => (
        <label
          key={choice}
          className={clsx(
            'inline-flex min-h-7 cursor-pointer items-center rounded-lg px-2.5 text-[13px] pointer-coarse:min-h-11',
            'has-focus-visible:outline-2 has-focus-visible:outline-accent',
            choice === mode ? 'bg-accent-soft font-medium text-text' : 'text-muted hover:bg-raised',
          )}
        >
          <input
            type="radio"
            name="when-busy"
            className="sr-only"
            checked={choice === mode}
            onChange={() => onPick(choice)}
          />
          {strings.composer[choice]}
        </label>
      ))}
      <span className="ml-1 truncate text-xs text-muted max-sm:hidden">{hints[mode]}</span>
    </fieldset>
  );
}

/** A phone's keyboard has no Shift+Enter: there Enter is a new line, and the button sends. */
function isSendKey(event: KeyboardEvent): boolean {
  if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return false;
  return event.ctrlKey || event.metaKey || !globalThis.matchMedia('(pointer: coarse)').matches;
}

/** A text that survives reloads; each session has its own. */
function useDraft(sessionId: string): readonly [string, (text: string) => void] {
  const name = `draft:${sessionId}`;
  const [draft, setDraft] = useState(() => readStored(name) ?? '');
  const change = useCallback(
    (text: string) => {
      setDraft(text);
      writeStored(name, text);
    },
    [name],
  );
  return [draft, change];
}

function useGrowth(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight}px`;
  }, [field, text]);
}
