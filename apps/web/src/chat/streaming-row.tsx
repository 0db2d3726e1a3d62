// What the agent says right now.
import type { OpenBlock } from '@holdfast/shared/protocol';
import { memo, type ReactNode } from 'react';
import { strings } from '../strings.ts';
import { Markdown } from './markdown.tsx';
import { Thinking } from './thinking.tsx';

export const StreamingRow = memo(function StreamingRow({ block }: { block: OpenBlock }): ReactNode {
  switch (block.kind) {
    case 'text':
      return (
        <section aria-label={strings.chat.agent} data-streaming>
          {block.truncated && <p className="mb-1 text-xs text-muted">{strings.chat.cutShort}</p>}
          <Markdown text={block.text} isStreaming />
        </section>
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
