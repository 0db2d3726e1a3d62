// A new session: where it works, how it asks, and what it should do first.
import { useId, useMemo, useState, type FormEvent, type ReactNode } from 'react';
import { HoldfastError } from '@holdfast/client';
import { mintId, PermissionMode, type SessionSummary } from '@holdfast/shared/protocol';
import { useLocation } from 'wouter';
import { client } from '../model/client.ts';
import { openSession } from '../model/open-session.ts';
import { sendPrompt } from '../model/outbox.ts';
import { sessionList } from '../model/session-list.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field, FIELD } from '../ui/fields.tsx';

export interface NewSessionDialogProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly known: readonly SessionSummary[];
}

export function NewSessionDialog({ isOpen, onClose, known }: NewSessionDialogProps): ReactNode {
  return (
    <Dialog title={strings.create.title} isOpen={isOpen} onClose={onClose}>
      <NewSessionForm onDone={onClose} known={known} />
    </Dialog>
  );
}

interface Wanted {
  readonly prompt: string;
  readonly cwd: string;
  readonly model: string;
  readonly mode: PermissionMode;
}
const EMPTY: Wanted = { prompt: '', cwd: '', model: '', mode: 'default' };

function NewSessionForm({
  onDone,
  known,
}: {
  onDone: () => void;
  known: readonly SessionSummary[];
}): ReactNode {
  const [wanted, setWanted] = useState(EMPTY);
  const { problem, isStarting, start } = useCreate(onDone);
  const change = (changes: Partial<Wanted>): void => setWanted((before) => ({ ...before, ...changes }));
  return (
    <form
      className="space-y-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void start(wanted);
      }}
    >
      <Field label={strings.create.prompt} hint={strings.create.promptHint}>
        {(ids) => (
          <textarea
            {...ids}
            rows={3}
            className={FIELD}
            value={wanted.prompt}
            onChange={(event) => change({ prompt: event.target.value })}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void start(wanted);
            }}
          />
        )}
      </Field>
      <FolderField value={wanted.cwd} known={known} error={problem} onChange={(cwd) => change({ cwd })} />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label={strings.create.mode} hint={strings.modes[wanted.mode].hint}>
          {(ids) => (
            <select
              {...ids}
              className={`${FIELD} min-h-9 pointer-coarse:min-h-11`}
              value={wanted.mode}
              onChange={(event) => change({ mode: PermissionMode.parse(event.target.value) })}
            >
              {PermissionMode.options.map((mode) => (
                <option key={mode} value={mode}>
                  {strings.modes[mode].name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={strings.create.model}>
          {(ids) => (
            <input
              {...ids}
              className={`${FIELD} min-h-9 pointer-coarse:min-h-11`}
              placeholder={strings.create.modelDefault}
              list="models"
              spellCheck={false}
              autoCapitalize="none"
              value={wanted.model}
              onChange={(event) => change({ model: event.target.value })}
            />
          )}
        </Field>
        <datalist id="models">
          {['opus', 'sonnet', 'haiku'].map((model) => (
            <option key={model} value={model} />
          ))}
        </datalist>
      </div>
      <div className="flex justify-end">
        <Button look="primary" type="submit" disabled={isStarting} className="max-sm:w-full">
          {isStarting ? strings.create.starting : strings.create.start}
        </Button>
      </div>
    </form>
  );
}

interface FolderFieldProps {
  readonly value: string;
  readonly known: readonly SessionSummary[];
  readonly error: string | undefined;
  readonly onChange: (value: string) => void;
}

function FolderField({ value, known, error, onChange }: FolderFieldProps): ReactNode {
  const listId = useId();
  const folders = useMemo(() => [...new Set(known.map(({ cwd }) => cwd))].slice(0, 20), [known]);
  return (
    <Field label={strings.create.folder} hint={strings.create.folderHint} error={error}>
      {(ids) => (
        <>
          <input
            {...ids}
            list={listId}
            className={`${FIELD} min-h-9 font-mono pointer-coarse:min-h-11`}
            spellCheck={false}
            autoCapitalize="none"
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
          <datalist id={listId}>
            {folders.map((folder) => (
              <option key={folder} value={folder} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

interface Create {
  readonly problem: string | undefined;
  readonly isStarting: boolean;
  readonly start: (wanted: Wanted) => Promise<void>;
}

/** Creates once, however often the button is pressed or the answer is lost. */
function useCreate(onDone: () => void): Create {
  const [createId, setCreateId] = useState(mintId);
  const [problem, setProblem] = useState<string>();
  const [isStarting, setStarting] = useState(false);
  const [, navigate] = useLocation();
  const start = async ({ prompt, cwd, model, mode }: Wanted): Promise<void> => {
    if (isStarting) return;
    setStarting(true);
    setProblem(undefined);
    try {
      const { session } = await client.create({
        createId,
        ...(cwd.trim() === '' ? {} : { cwd: cwd.trim() }),
        settings: { permissionMode: mode, ...(model.trim() === '' ? {} : { model: model.trim() }) },
      });
      openSession(session.sessionId);
      if (prompt.trim() !== '') sendPrompt(session, { text: prompt.trim() });
      navigate(`/s/${session.sessionId}`);
      onDone();
      await sessionList.refresh();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      // What was refused was not made: the next try is another request.
      setCreateId(mintId());
      setProblem(error.message);
    } finally {
      setStarting(false);
    }
  };
  return { problem, isStarting, start };
}
