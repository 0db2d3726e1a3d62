import { useState, type ReactNode } from 'react';
import { Markdown } from '../chat/markdown.tsx';
import { isRecord } from '../model/tool-kind.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import type { AskProps } from './approvals.tsx';
import { DenyForm } from './deny-form.tsx';

/** A plan: approve it, in one of two modes, or send it back with what should be different. */
export function PlanCard({ approval, decide, isBusy }: AskProps): ReactNode {
  const [isRevising, setRevising] = useState(false);
  const plan = isRecord(approval.input) ? approval.input['plan'] : undefined;
  return (
    <>
      <h2 className="mb-2 text-[15px] font-semibold">{strings.approvals.plan}</h2>
      <div className="rounded-lg bg-canvas px-3 py-2">
        <Markdown text={typeof plan === 'string' ? plan : ''} />
      </div>
      {isRevising ? (
        <DenyForm
          label={strings.approvals.reviseMessage}
          confirm={strings.approvals.revise}
          isBusy={isBusy}
          onDeny={decide}
          onCancel={() => setRevising(false)}
        />
      ) : (
        <div className="mt-3 flex flex-wrap gap-2 max-sm:flex-col">
          <Button look="primary" disabled={isBusy} onClick={() => decide({ kind: 'plan', mode: 'default' })}>
            {strings.approvals.approvePlan}
          </Button>
          <Button disabled={isBusy} onClick={() => decide({ kind: 'plan', mode: 'acceptEdits' })}>
            {strings.approvals.approvePlanEdits}
          </Button>
          <Button disabled={isBusy} onClick={() => setRevising(true)}>
            {strings.approvals.revise}…
          </Button>
        </div>
      )}
    </>
  );
}
