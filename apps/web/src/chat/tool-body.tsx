// The input of a tool call, shown by its kind. Approvals show what they ask about with it, too.
import { clsx } from 'clsx';
import { CircleCheck, Circle, CircleDot } from 'lucide-react';
import type { ReactNode } from 'react';
import type { DiffLine } from '../model/diff-lines.ts';
import type { TodoItem, ToolBody } from '../model/tool-kind.ts';
import { Code } from './code-block.tsx';
import { Markdown } from './markdown.tsx';

export function ToolBodyView({ body }: { body: ToolBody }): ReactNode {
  switch (body.kind) {
    case 'command':
      return (
        <Scrolled>
          <span className="text-muted select-none">$ </span>
          <Code code={body.command} language="bash" />
        </Scrolled>
      );
    case 'diff':
      return <Diff lines={body.lines} />;
    case 'todos':
      return <Todos items={body.items} />;
    case 'subagent':
      return body.prompt === '' ? null : (
        <p className="text-sm break-words whitespace-pre-wrap text-muted">{body.prompt}</p>
      );
    case 'plan':
      return <Markdown text={body.plan} />;
    case 'json':
      return (
        <Scrolled>
          <Code code={body.json} language="json" />
        </Scrolled>
      );
    case 'compact':
      return null;
  }
}

export function Scrolled({ children }: { children: ReactNode }): ReactNode {
  return (
    <pre
      tabIndex={0}
      className="max-h-80 overflow-auto font-mono text-[13px] leading-relaxed whitespace-pre-wrap"
    >
      {children}
    </pre>
  );
}

const LOOKS: Readonly<Record<DiffLine['kind'], string>> = {
  added: 'bg-good-soft',
  removed: 'bg-danger-soft',
  same: '',
  gap: 'bg-raised',
};
const MARKS: Readonly<Record<DiffLine['kind'], string>> = { added: '+', removed: '-', same: ' ', gap: '⋯' };

export function Diff({ lines }: { lines: readonly DiffLine[] }): ReactNode {
  if (lines.length === 0) return null;
  return (
    <pre tabIndex={0} className="-mx-3 max-h-96 overflow-auto font-mono text-[13px] leading-relaxed">
      <div className="w-max min-w-full">
        {lines.map((line, index) => (
          <div key={index} className={clsx('px-3', LOOKS[line.kind])}>
            <span className="inline-block w-4 text-muted select-none">{MARKS[line.kind]}</span>
            {line.text}
          </div>
        ))}
      </div>
    </pre>
  );
}

const TODO_ICONS = { completed: CircleCheck, in_progress: CircleDot, pending: Circle } as const;

function Todos({ items }: { items: readonly TodoItem[] }): ReactNode {
  return (
    <ul className="space-y-1 text-sm">
      {items.map((item, index) => {
        const Icon = TODO_ICONS[item.state];
        return (
          <li key={index} className="flex items-start gap-2">
            <Icon
              size={16}
              aria-label={item.state.replace('_', ' ')}
              className={clsx('mt-1 shrink-0', item.state === 'pending' ? 'text-muted' : 'text-accent')}
            />
            <span className={item.state === 'completed' ? 'text-muted line-through' : undefined}>
              {item.text}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
