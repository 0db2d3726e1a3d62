// Fields of forms, each with its label and what can go wrong with it.
import { useId, type ReactNode } from 'react';

export const FIELD =
  'w-full rounded-lg border border-line bg-canvas px-3 py-2 text-sm placeholder:text-muted focus-visible:outline-offset-0';

export interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
  readonly children: (ids: {
    readonly id: string;
    readonly 'aria-describedby': string | undefined;
  }) => ReactNode;
}

export function Field({ label, hint, error, children }: FieldProps): ReactNode {
  const id = useId();
  const about = error ?? hint;
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {children({ id, 'aria-describedby': about === undefined ? undefined : `${id}-about` })}
      {about !== undefined && (
        <p
          id={`${id}-about`}
          className={`mt-1 text-xs break-words ${error === undefined ? 'text-muted' : 'text-danger'}`}
        >
          {about}
        </p>
      )}
    </div>
  );
}
