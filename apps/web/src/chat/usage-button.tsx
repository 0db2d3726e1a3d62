// How full the model's context is and what the session has cost, with the details behind it.
import { useState, type ReactNode } from 'react';
import type { Session, SessionSnapshot } from '@holdfast/client';
import { dollars, tokens } from '../model/format.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';

type View = SessionSnapshot['view'];

export function UsageButton({ view, session }: { view: View; session: Session }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const { contextTokens, windowTokens, costUsd } = view.usage;
  const fill = windowTokens === null ? null : Math.min(100, Math.round((100 * contextTokens) / windowTokens));
  return (
    <>
      <Button
        look="ghost"
        className="px-2 text-muted"
        aria-label={`${strings.usage.title}: ${dollars(costUsd)}`}
        onClick={() => setOpen(true)}
      >
        {fill !== null && (
          <span aria-hidden className="h-1.5 w-10 overflow-hidden rounded-full bg-line">
            <span className="block h-full rounded-full bg-accent" style={{ width: `${fill}%` }} />
          </span>
        )}
        <span className="text-xs tabular-nums">{dollars(costUsd)}</span>
      </Button>
      <Dialog title={strings.usage.title} isOpen={isOpen} onClose={() => setOpen(false)}>
        <UsageDetails view={view} session={session} />
      </Dialog>
    </>
  );
}

function UsageDetails({ view, session }: { view: View; session: Session }): ReactNode {
  const { usage, settings, child, tasks } = view;
  const { contextTokens, windowTokens, totals } = usage;
  const context =
    windowTokens === null
      ? strings.usage.tokens(tokens(contextTokens))
      : strings.usage.contextOf(tokens(contextTokens), tokens(windowTokens));
  const rows: readonly (readonly [string, string])[] = [
    [strings.usage.cost, dollars(usage.costUsd)],
    [strings.usage.context, context],
    [strings.usage.input, tokens(totals.inputTokens)],
    [strings.usage.output, tokens(totals.outputTokens)],
    [strings.usage.cacheRead, tokens(totals.cacheReadTokens)],
    [strings.usage.cacheWrite, tokens(totals.cacheCreationTokens)],
    [strings.usage.turns, String(view.turnsEnded)],
    [strings.usage.model, settings.model ?? strings.create.modelDefault],
    [strings.usage.mode, strings.modes[settings.permissionMode].name],
    [strings.usage.folder, view.cwd],
    [strings.usage.id, session.sessionId],
    ...(child.state === 'running' ? [[strings.usage.agent, `CLI ${child.cliVersion ?? '?'}`] as const] : []),
  ];
  return (
    <>
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5 text-sm">
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="text-right break-all tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      {tasks.length > 0 && (
        <div className="mt-4 border-t border-line pt-3 text-sm">
          <h3 className="mb-1 font-medium">{strings.usage.background}</h3>
          <ul className="mb-2 list-disc pl-5">
            {tasks.map((task) => (
              <li key={task.taskId} className="break-words">
                {task.description}
              </li>
            ))}
          </ul>
          <Button
            look="danger"
            onClick={() => void session.abort({ background: 'stop' }).catch(() => undefined)}
          >
            {strings.usage.stopBackground}
          </Button>
        </div>
      )}
    </>
  );
}
