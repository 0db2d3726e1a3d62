// Leave to use a tool: what it would do, and every way to say yes or no.
import { ChevronDown } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';
import type { PendingApproval } from '@holdfast/shared/protocol';
import { ToolBodyView } from '../chat/tool-body.tsx';
import { clockTime } from '../model/format.ts';
import { displayName, faceOf } from '../model/tool-kind.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { Menu } from '../ui/menu.tsx';
import type { AskProps } from './approvals.tsx';
import { DenyForm } from './deny-form.tsx';
import { InputEditor } from './input-editor.tsx';

export function ToolApproval({ approval, decide, isBusy, isOwner }: AskProps): ReactNode {
  const [form, setForm] = useState<'edit' | 'deny'>();
  const allowOnce = (): void => decide({ kind: 'allow', scope: 'once' });
  useAllowKey(!isBusy && form === undefined, allowOnce);
  const face = faceOf(approval.tool, approval.input);
  return (
    <>
      <h2 className="mb-2 text-[15px] font-semibold break-words">{titleOf(approval)}</h2>
      {face.body.kind !== 'command' && face.headline !== '' && (
        <p className="mb-2 font-mono text-[13px] break-all text-muted">{face.headline}</p>
      )}
      {form === 'edit' ? (
        <InputEditor
          input={approval.input}
          onCancel={() => setForm(undefined)}
          onAllow={(input) => decide({ kind: 'allow', scope: 'once', input })}
        />
      ) : (
        <div className="rounded-lg bg-canvas px-3 py-2 empty:hidden">
          <ToolBodyView body={face.body} />
        </div>
      )}
      {approval.reason !== undefined && (
        <p className="mt-2 text-sm break-words text-muted">
          {strings.approvals.reason} {approval.reason}
        </p>
      )}
      {approval.expiresAt !== undefined && (
        <p className="mt-2 text-xs text-warn">
          {strings.approvals.expires(`at ${clockTime(approval.expiresAt)}`)}
        </p>
      )}
      {form === 'deny' && (
        <DenyForm
          label={strings.approvals.denyMessage}
          confirm={strings.approvals.deny}
          isBusy={isBusy}
          onDeny={decide}
          onCancel={() => setForm(undefined)}
        />
      )}
      {form === undefined && (
        <Choices {...{ approval, isBusy, isOwner, decide }} onForm={setForm} onAllow={allowOnce} />
      )}
    </>
  );
}

interface ChoicesProps extends AskProps {
  readonly onForm: (form: 'edit' | 'deny') => void;
  readonly onAllow: () => void;
}

function Choices({ approval, decide, isBusy, isOwner, onForm, onAllow }: ChoicesProps): ReactNode {
  const rules = approval.rules ?? [];
  const longer = [
    { label: strings.approvals.allowSession, onPick: () => decide({ kind: 'allow', scope: 'session' }) },
    { label: strings.approvals.allowAlways, onPick: () => decide({ kind: 'allow', scope: 'always' }) },
  ];
  return (
    <>
      {rules.length > 0 && (
        <p className="mt-2 text-xs text-muted">
          {strings.approvals.rule}{' '}
          {rules.map((rule) => (
            <code key={rule} className="mr-1 rounded bg-raised px-1.5 py-0.5 font-mono break-all">
              {rule}
            </code>
          ))}
        </p>
      )}
      <div className="mt-3 flex flex-wrap gap-2 max-sm:grid max-sm:grid-cols-2">
        <div className="flex max-sm:col-span-2">
          <Button
            look="primary"
            disabled={isBusy}
            title={strings.approvals.keys}
            className="flex-1 rounded-r-none"
            onClick={onAllow}
          >
            {strings.approvals.allowOnce}
          </Button>
          <Menu
            trigger={
              <Button
                look="primary"
                disabled={isBusy}
                aria-label={strings.approvals.moreWays}
                className="rounded-l-none border-l border-on-accent/30 px-2 pointer-coarse:min-w-11"
              >
                <ChevronDown size={16} aria-hidden />
              </Button>
            }
            items={rules.length > 0 && isOwner ? longer : longer.slice(0, 1)}
          />
        </div>
        <Button disabled={isBusy} onClick={() => onForm('edit')}>
          {strings.approvals.edit}
        </Button>
        <Button look="danger" disabled={isBusy} onClick={() => onForm('deny')}>
          {strings.approvals.deny}…
        </Button>
      </div>
    </>
  );
}

function titleOf({ tool }: PendingApproval): string {
  if (tool === 'Bash') return strings.approvals.wantsRun;
  if (tool === 'Write') return strings.approvals.wantsWrite;
  if (tool === 'Edit' || tool === 'MultiEdit' || tool === 'NotebookEdit') return strings.approvals.wantsEdit;
  return strings.approvals.wants(displayName(tool));
}

/** Ctrl+Enter (or Cmd+Enter) allows once, unless the person is writing. */
function useAllowKey(isOn: boolean, allow: () => void): void {
  useEffect(() => {
    if (!isOn) return;
    const onKey = (event: KeyboardEvent): void => {
      const isWriting = event.target instanceof HTMLTextAreaElement && event.target.value !== '';
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || isWriting) return;
      event.preventDefault();
      allow();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });
}
