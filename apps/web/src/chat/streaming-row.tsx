// What the agent says right now.
import { SNAPSHOT_LIMITS, type OpenBlock } from '@holdfast/shared/protocol';
import { memo, type ReactNode } from 'react';
import { strings } from '../strings.ts';
import { Markdown } from './markdown.tsx';
import { Thinking } from './thinking.tsx';

export const StreamingRow = memo(function StreamingRow({ block }: { block: OpenBlock }): ReactNode {
  switch (block.kind) {
    case 'text':
      return (
        <article aria-label={strings.chat.agent} data-streaming>
          {block.truncated ? <CutText text={block.text} /> : <Markdown text={block.text} isStreaming />}
        </article>
      );
    case 'thinking':
      return <Thinking text={block.text} isOpen />;
    case 'tool_input':
      return (
        <p className="flex items-center gap-2 text-sm text-muted">
          <span className="working-dot size-2 rounded-full bg-accent" />
          {strings.chat.preparing(strings.chat.aToolCall)}
        </p>
      );
  }
});

/** A snapshot holds the beginning of a long text; what came after the snapshot follows behind a gap. */
function CutText({ text }: { text: string }): ReactNode {
  const { maxTextChars } = SNAPSHOT_LIMITS;
  return (
    <>
      <Markdown text={text.slice(0, maxTextChars)} isStreaming />
      <p className="my-2 border-y border-dashed border-line py-1 text-center text-xs text-muted">
        {strings.chat.cutShort}
      </p>
      <Markdown text={text.slice(maxTextChars)} isStreaming />
    </>
  );
}
