// Files that go along with a message: picked, pasted or dropped; uploaded at once, so that sending needs no wait.
import { FileText, LoaderCircle, X } from 'lucide-react';
import { useCallback, useState, type ReactNode } from 'react';
import { HoldfastError } from '@holdfast/client';
import { mintId, type UploadId } from '@holdfast/shared/protocol';
import { client } from '../model/client.ts';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/button.tsx';

export interface Attachment {
  readonly key: string;
  readonly name: string;
  readonly state:
    | { readonly kind: 'uploading' }
    | { readonly kind: 'ready'; readonly uploadId: UploadId }
    | { readonly kind: 'failed'; readonly reason: string };
}

export interface Attachments {
  readonly list: readonly Attachment[];
  readonly add: (files: Iterable<File>) => void;
  readonly remove: (key: string) => void;
  readonly clear: () => void;
}

/** The files of the message that is being written in a session. */
export function useAttachments(sessionId: string): Attachments {
  const [list, setList] = useState<readonly Attachment[]>([]);
  const add = useCallback(
    (files: Iterable<File>) => {
      for (const file of files) {
        const key = mintId();
        const name = file.name;
        setList((before) => [...before, { key, name, state: { kind: 'uploading' } }]);
        const settle = (state: Attachment['state']): void =>
          setList((before) => before.map((one) => (one.key === key ? { ...one, state } : one)));
        client.http.upload(sessionId, { name, data: file }).then(
          ({ uploadId }) => settle({ kind: 'ready', uploadId }),
          (error: unknown) => settle({ kind: 'failed', reason: reasonOf(error) }),
        );
      }
    },
    [sessionId],
  );
  const remove = useCallback(
    (key: string) => setList((before) => before.filter((one) => one.key !== key)),
    [],
  );
  const clear = useCallback(() => setList([]), []);
  return { list, add, remove, clear };
}

function reasonOf(error: unknown): string {
  return error instanceof HoldfastError ? error.message : strings.errors.fallback;
}

export function AttachmentList({ attachments }: { attachments: Attachments }): ReactNode {
  if (attachments.list.length === 0) return null;
  return (
    <ul aria-label={strings.composer.attached} className="flex flex-wrap gap-1.5 px-3 pt-2">
      {attachments.list.map(({ key, name, state }) => (
        <li
          key={key}
          data-attachment={state.kind}
          className="flex max-w-full items-center gap-1.5 rounded-lg bg-raised pl-2 text-[13px]"
        >
          {state.kind === 'uploading' ? (
            <LoaderCircle size={14} aria-label={strings.composer.uploading} className="animate-spin" />
          ) : (
            <FileText size={14} aria-hidden />
          )}
          <span className="truncate">{name}</span>
          {state.kind === 'failed' && <span className="truncate text-danger">{state.reason}</span>}
          <IconButton
            label={strings.composer.detach(name)}
            className="size-7"
            onClick={() => attachments.remove(key)}
          >
            <X size={14} aria-hidden />
          </IconButton>
        </li>
      ))}
    </ul>
  );
}
