import { Brain } from 'lucide-react';
import type { ReactNode } from 'react';
import { strings } from '../strings.ts';

/** What the model thought: collapsed, since most people want the answer. */
export function Thinking({ text, isOpen = false }: { text: string; isOpen?: boolean }): ReactNode {
  return (
    <details className="text-sm text-muted">
      <summary className="inline-flex cursor-pointer items-center gap-1.5 rounded select-none pointer-coarse:min-h-11">
        <Brain size={15} aria-hidden className={isOpen ? 'working-dot' : undefined} />
        {isOpen ? strings.chat.thinkingNow : strings.chat.thinking}
      </summary>
      <div className="mt-1 border-l-2 border-line pl-3 break-words whitespace-pre-wrap">{text}</div>
    </details>
  );
}
