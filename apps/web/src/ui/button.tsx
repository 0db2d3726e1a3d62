// Buttons: large enough for a finger where the pointer is one.
import { clsx } from 'clsx';
import type { ButtonHTMLAttributes, ReactNode } from 'react';

type Look = 'primary' | 'secondary' | 'ghost' | 'danger';

const LOOKS: Readonly<Record<Look, string>> = {
  primary: 'bg-accent text-on-accent hover:opacity-90',
  secondary: 'border border-line bg-panel hover:bg-raised',
  ghost: 'hover:bg-raised',
  danger: 'border border-line bg-panel text-danger hover:bg-danger-soft',
};

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: Look;
}

export function Button({ look = 'secondary', className, ...rest }: ButtonProps): ReactNode {
  return (
    <button
      type="button"
      {...rest}
      className={clsx(
        'inline-flex min-h-9 items-center justify-center gap-1.5 rounded-lg px-3 py-1.5 text-sm font-medium',
        'disabled:opacity-50 pointer-coarse:min-h-11',
        LOOKS[look],
        className,
      )}
    />
  );
}

export interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** What it does: its name for screen readers, and its tooltip. */
  readonly label: string;
}

export function IconButton({ label, className, ...rest }: IconButtonProps): ReactNode {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={clsx(
        'inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-muted',
        'hover:bg-raised hover:text-text disabled:opacity-40 pointer-coarse:size-11',
        className,
      )}
    />
  );
}
