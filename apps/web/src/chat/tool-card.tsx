// A tool call as a card: what it was about in one line; its input as a command, a difference or a list; its output
// on demand; failures open and red.
import {
  Bot,
  Check,
  CircleAlert,
  FilePen,
  FileText,
  Globe,
  Hand,
  ListTodo,
  LoaderCircle,
  MessageCircleQuestion,
  Search,
  SquareTerminal,
  Wrench,
  type LucideIcon,
} from 'lucide-react';
import { memo, useMemo, useState, type ReactNode } from 'react';
import type { Message } from '@holdfast/shared/protocol';
import { isClipped, type ToolMessage } from '../model/rows.ts';
import { faceOf } from '../model/tool-kind.ts';
import { strings } from '../strings.ts';
import { MessageRow } from './message-row.tsx';
import { Output } from './output.tsx';
import { ToolBodyView } from './tool-body.tsx';

export interface ToolCardProps {
  readonly message: ToolMessage;
  readonly steps: readonly Message[];
  /** Its turn is in flight: otherwise nothing can be running any more. */
  readonly isLive: boolean;
  /** It waits for a person's leave. */
  readonly isAsking?: boolean;
}

const ICONS: Readonly<Record<string, LucideIcon>> = {
  Bash: SquareTerminal,
  Edit: FilePen,
  MultiEdit: FilePen,
  Write: FilePen,
  NotebookEdit: FilePen,
  Read: FileText,
  Grep: Search,
  Glob: Search,
  WebFetch: Globe,
  WebSearch: Globe,
  TodoWrite: ListTodo,
  Task: Bot,
  Agent: Bot,
  AskUserQuestion: MessageCircleQuestion,
};

export const ToolCard = memo(function ToolCard({
  message,
  steps,
  isLive,
  isAsking = false,
}: ToolCardProps): ReactNode {
  const face = useMemo(() => faceOf(message.name, inputOf(message)), [message]);
  const state = message.state === 'running' && !isLive ? 'lost' : message.state;
  const Icon = ICONS[message.name] ?? Wrench;
  const isTelling = state === 'failed' || face.body.kind === 'diff' || face.body.kind === 'todos';
  // What a person did to the card counts; until then it is open where its inside is the news.
  const [byHand, setByHand] = useState<boolean>();
  const isOpen = byHand ?? isTelling;
  return (
    <details
      open={isOpen}
      onToggle={({ currentTarget }) => currentTarget.open !== isOpen && setByHand(currentTarget.open)}
      data-tool={message.name}
      data-state={state}
      className="overflow-hidden rounded-xl border border-line bg-panel"
    >
      <summary className="flex min-h-10 cursor-pointer items-center gap-2.5 px-3 py-2 text-sm select-none pointer-coarse:min-h-11">
        <Icon size={16} aria-hidden className="shrink-0 text-muted" />
        <span className="shrink-0 font-medium">{face.name}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-[13px] text-muted">{face.headline}</span>
        {steps.length > 0 && (
          <span className="shrink-0 text-xs text-muted">{strings.chat.tool.steps(steps.length)}</span>
        )}
        <StateMark state={isAsking ? 'asking' : state} />
      </summary>
      {isOpen && (
        <div className="space-y-2 border-t border-line px-3 py-2.5">
          <ToolBodyView body={face.body} />
          {state === 'lost' && <p className="text-sm text-warn">{strings.chat.tool.lostHint}</p>}
          {steps.length > 0 && <Steps steps={steps} isLive={isLive} />}
          <Output
            text={message.output}
            isFailed={state === 'failed'}
            isCut={message.truncated}
            isQuiet={face.body.kind === 'diff' || face.body.kind === 'todos'}
          />
        </div>
      )}
    </details>
  );
}, isSame);

/** The steps are a new array whenever any message came; the card changes only with its own. */
function isSame(one: ToolCardProps, other: ToolCardProps): boolean {
  return (
    one.message === other.message &&
    one.isLive === other.isLive &&
    one.isAsking === other.isAsking &&
    one.steps.length === other.steps.length &&
    one.steps.every((step, index) => step === other.steps[index])
  );
}

function inputOf(message: ToolMessage): unknown {
  return isClipped(message.input) ? { input: `${message.input.truncated}…` } : message.input;
}

function StateMark({ state }: { state: ToolMessage['state'] | 'asking' }): ReactNode {
  const label = strings.chat.tool[state];
  if (state === 'running') {
    return <LoaderCircle size={16} aria-label={label} className="shrink-0 animate-spin text-accent" />;
  }
  if (state === 'asking') return <Hand size={16} aria-label={label} className="shrink-0 text-warn" />;
  if (state === 'done') return <Check size={16} aria-label={label} className="shrink-0 text-good" />;
  return <CircleAlert size={16} aria-label={label} className="shrink-0 text-danger" />;
}

function Steps({ steps, isLive }: { steps: readonly Message[]; isLive: boolean }): ReactNode {
  return (
    <div className="space-y-2 border-l-2 border-line pl-3">
      {steps.map((step) =>
        step.kind === 'tool' ? (
          <ToolCard key={step.offset} message={step} steps={[]} isLive={isLive} />
        ) : (
          <MessageRow key={step.offset} message={step} />
        ),
      )}
    </div>
  );
}
