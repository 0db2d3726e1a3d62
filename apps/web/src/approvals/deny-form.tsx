import { useState, type ReactNode } from 'react';
import { MAX_MESSAGE_CHARS, type DecisionInput } from '@holdfast/shared/protocol';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { Field, FIELD } from '../ui/fields.tsx';

export interface DenyFormProps {
  readonly label: string;
  readonly confirm: string;
  readonly isBusy: boolean;
  readonly onDeny: (decision: DecisionInput) => void;
  readonly onCancel: () => void;
}

/** Says no, with a message that the agent reads; the turn goes on unless it is stopped as well. */
export function DenyForm({ label, confirm, isBusy, onDeny, onCancel }: DenyFormProps): ReactNode {
  const [message, setMessage] = useState('');
  const deny = (stop: boolean): void => {
    const text = message.trim();
    onDeny({ kind: 'deny', stop, ...(text === '' ? {} : { message: text }) });
  };
  return (
    <form
      className="mt-3 space-y-2"
      onSubmit={(event) => {
        event.preventDefault();
        deny(false);
      }}
    >
      <Field label={label}>
        {(ids) => (
          <textarea
            {...ids}
            // oxlint-disable-next-line jsx-a11y/no-autofocus -- the person just asked to write this
            autoFocus
            rows={2}
            maxLength={MAX_MESSAGE_CHARS}
            className={FIELD}
            value={message}
            onChange={(event) => setMessage(event.target.value)}
          />
        )}
      </Field>
      <div className="flex flex-wrap justify-end gap-2">
        <Button look="ghost" onClick={onCancel}>
          {strings.cancel}
        </Button>
        <Button look="danger" disabled={isBusy} onClick={() => deny(true)}>
          {strings.approvals.denyStop}
        </Button>
        <Button look="primary" type="submit" disabled={isBusy}>
          {confirm}
        </Button>
      </div>
    </form>
  );
}
