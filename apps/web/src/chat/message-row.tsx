// One finished message of the conversation.
import type { Message } from '@holdfast/shared/protocol';
import { memo, type ReactNode } from 'react';
import { strings } from '../strings.ts';
import { CopyButton } from '../ui/copy-button.tsx';
import { Markdown } from './markdown.tsx';
import { Thinking } from './thinking.tsx';

type Shown = Exclude<Message, { kind: 'tool' }>;

export const MessageRow = memo(function MessageRow({ message }: { message: Shown }): ReactNode {
  switch (message.kind) {
    case 'prompt':
      return <Prompt text={message.text === '' ? strings.chat.onlyFiles : message.text} />;
    case 'text':
      return <Answer text={message.text} isCut={message.truncated} />;
    case 'thinking':
      return <Thinking text={message.text} />;
    case 'notice':
      return <Notice kind={message.notice} text={message.text} />;
    case 'turn_end':
      return <TurnEnd end={message} />;
  }
});

export function Prompt({ text, children }: { text: string; children?: ReactNode }): ReactNode {
  return (
    <article aria-label={strings.chat.you} className="flex flex-col items-end">
      <div className="max-w-[85%] rounded-2xl rounded-br-md bg-accent-soft px-4 py-2.5 break-words whitespace-pre-wrap">
        {text}
      </div>
      {children}
    </article>
  );
}

function Answer({ text, isCut }: { text: string; isCut: boolean }): ReactNode {
  return (
    <article aria-label={strings.chat.agent} className="group relative">
      <Markdown text={text} />
      {isCut && <p className="mt-1 text-xs text-muted">{strings.chat.outputCut}</p>}
      <div className="absolute -bottom-5 -left-2 z-10 opacity-0 group-hover:opacity-100 focus-within:opacity-100 pointer-coarse:hidden">
        <CopyButton text={text} className="size-7" />
      </div>
    </article>
  );
}

const LOUD = new Set(['rate_limit', 'warning', 'permission', 'trust', 'containment', 'retry']);

function Notice({ kind, text }: { kind: string; text: string }): ReactNode {
  const look = LOUD.has(kind) ? 'rounded-lg bg-warn-soft px-3 py-1.5 text-warn' : 'text-muted';
  return <p className={`text-[13px] break-words ${look}`}>{text}</p>;
}

/** A turn that ended well needs no words. */
function TurnEnd({ end }: { end: Extract<Message, { kind: 'turn_end' }> }): ReactNode {
  const { stopReason, error, delivered } = end;
  const texts = strings.chat.turnEnd;
  if (stopReason === 'aborted') return <p className="text-[13px] text-muted">■ {texts.aborted}</p>;
  if (stopReason === 'failed') {
    return (
      <div role="note" className="rounded-lg bg-danger-soft px-3 py-2 text-sm break-words text-danger">
        <strong className="font-semibold">{texts.failed}.</strong> {error}
      </div>
    );
  }
  if (stopReason === 'interrupted') {
    return (
      <p className="rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn">
        {delivered ? texts.interruptedDelivered : texts.interrupted}
      </p>
    );
  }
  if (stopReason === 'end_turn' || stopReason === 'stop_sequence') return null;
  return <p className="rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn">{texts[stopReason]}</p>;
}
