import { Check, Copy } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { strings } from '../strings.ts';
import { IconButton } from './button.tsx';

const SHOWN_MS = 1_500;

/** Copies a text, and says for a moment that it did. */
export function CopyButton({ text, className }: { text: string; className?: string }): ReactNode {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  const Icon = isCopied ? Check : Copy;
  return (
    <IconButton
      label={isCopied ? strings.copied : strings.copy}
      onClick={() => void copy().catch(() => undefined)}
      className={className}
    >
      <Icon size={15} aria-hidden />
    </IconButton>
  );
}
