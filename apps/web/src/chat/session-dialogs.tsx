// The questions behind the session's menu.
import { useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { client } from '../model/client.ts';
import type { OpenSession } from '../model/open-session.ts';
import { sessionList } from '../model/session-list.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field, FIELD } from '../ui/fields.tsx';

export interface RenameDialogProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onRename: (title: string) => void;
}

export function RenameDialog({ title, isOpen, onClose, onRename }: RenameDialogProps): ReactNode {
  const [value, setValue] = useState(title);
  const submit = (): void => {
    if (value.trim() === '') return;
    onRename(value.trim());
    onClose();
  };
  return (
    <Dialog title={strings.session.renameTitle} isOpen={isOpen} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Field label={strings.session.titleLabel}>
          {(ids) => (
            <input
              {...ids}
              className={FIELD}
              value={value}
              maxLength={200}
              onChange={(event) => setValue(event.target.value)}
            />
          )}
        </Field>
        <div className="mt-4 flex justify-end gap-2">
          <Button look="ghost" onClick={onClose}>
            {strings.cancel}
          </Button>
          <Button look="primary" type="submit">
            {strings.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export interface DeleteDialogProps {
  readonly open: OpenSession;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly run: (request: Promise<unknown>) => void;
}

export function DeleteDialog({ open, isOpen, onClose, run }: DeleteDialogProps): ReactNode {
  const [, navigate] = useLocation();
  const remove = async (): Promise<void> => {
    await client.http.delete(open.session.sessionId);
    navigate('/');
    await sessionList.refresh();
  };
  return (
    <Dialog title={strings.session.removeTitle} isOpen={isOpen} onClose={onClose}>
      <p className="text-sm">{strings.session.removeBody}</p>
      <div className="mt-4 flex justify-end gap-2">
        <Button look="ghost" onClick={onClose}>
          {strings.cancel}
        </Button>
        <Button look="danger" onClick={() => run(remove())}>
          {strings.session.removeConfirm}
        </Button>
      </div>
    </Dialog>
  );
}
