// What the agent asks, in front of the composer: one card at a time, with the others in line behind it.
import { useState, type ReactNode } from 'react';
import { HoldfastError, type SessionSnapshot } from '@holdfast/client';
import type { DecisionInput, PendingApproval, SessionRole } from '@holdfast/shared/protocol';
import type { HistoryState } from '../model/history.ts';
import type { OpenSession } from '../model/open-session.ts';
import { isClipped } from '../model/rows.ts';
import { strings } from '../strings.ts';
import { PlanCard } from './plan-card.tsx';
import { QuestionCard } from './question-card.tsx';
import { ToolApproval } from './tool-approval.tsx';

/** What every kind of card gets. */
export interface AskProps {
  readonly approval: PendingApproval;
  readonly decide: (decision: DecisionInput) => void;
  /** A decision is on its way. */
  readonly isBusy: boolean;
  /** Only the owner may decide beyond this session. */
  readonly isOwner: boolean;
}

export interface ApprovalsProps {
  readonly open: OpenSession;
  readonly snapshot: SessionSnapshot;
  readonly history: HistoryState;
  readonly role: SessionRole;
}

export function Approvals({ open, snapshot, history, role }: ApprovalsProps): ReactNode {
  const { approvals } = snapshot.view;
  const [at, setAt] = useState(0);
  const approval = approvals[Math.min(at, approvals.length - 1)];
  if (approval === undefined) return null;
  const whole = isClipped(approval.input) ? history.asked.get(approval.approvalId) : undefined;
  const shown = whole === undefined ? approval : { ...approval, input: whole };
  return (
    <section
      aria-label={strings.approvals.region}
      className="mb-2 max-h-[65dvh] overflow-y-auto rounded-2xl border-2 border-accent bg-panel p-4 shadow-lg"
    >
      {approvals.length > 1 && (
        <Stack count={approvals.length} at={Math.min(at, approvals.length - 1)} onPick={setAt} />
      )}
      <Ask key={approval.approvalId} open={open} approval={shown} isOwner={role === 'owner'} />
    </section>
  );
}

function Stack({
  count,
  at,
  onPick,
}: {
  count: number;
  at: number;
  onPick: (at: number) => void;
}): ReactNode {
  return (
    <div className="mb-2 flex items-center gap-1.5 text-xs text-muted">
      {Array.from({ length: count }, (_, index) => (
        <button
          key={index}
          type="button"
          aria-label={strings.approvals.position(index + 1, count)}
          aria-current={index === at}
          onClick={() => onPick(index)}
          className="flex size-6 items-center justify-center rounded-full bg-raised aria-current:bg-accent aria-current:text-on-accent pointer-coarse:size-11"
        >
          {index + 1}
        </button>
      ))}
    </div>
  );
}

interface AskInput {
  readonly open: OpenSession;
  readonly approval: PendingApproval;
  readonly isOwner: boolean;
}

function Ask({ open, approval, isOwner }: AskInput): ReactNode {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const decide = async (decision: DecisionInput): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { inputDigest } = approval;
      await open.session.decide(
        approval.approvalId,
        decision,
        inputDigest === undefined ? {} : { inputDigest },
      );
      // The card stays until the event says that it is decided, here or elsewhere.
    } catch (error) {
      setProblem(error instanceof HoldfastError ? error.message : strings.errors.fallback);
      setBusy(false);
    }
  };
  const props: AskProps = { approval, isBusy, isOwner, decide: (decision) => void decide(decision) };
  return (
    <>
      <AskOfKind {...props} />
      {approval.agentId !== undefined && (
        <p className="mt-2 text-xs text-muted">{strings.approvals.fromSubagent}</p>
      )}
      {problem !== undefined && (
        <p role="alert" className="mt-2 rounded-lg bg-danger-soft px-3 py-2 text-sm text-danger">
          {problem}
        </p>
      )}
    </>
  );
}

function AskOfKind(props: AskProps): ReactNode {
  switch (props.approval.kind ?? 'tool') {
    case 'question':
      return <QuestionCard {...props} />;
    case 'plan':
      return <PlanCard {...props} />;
    case 'tool':
      return <ToolApproval {...props} />;
  }
}
