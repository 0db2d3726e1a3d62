import { useState, type ReactNode } from 'react';
import { strings } from '../strings.ts';
import { Scrolled } from './tool-body.tsx';

const SHOWN_LINES = 12;

export interface OutputProps {
  readonly text: string;
  readonly isFailed: boolean;
  /** The service cut it. */
  readonly isCut: boolean;
  /** What it says is no news where the input shows it already, unless it failed. */
  readonly isQuiet: boolean;
}

/** What a tool gave back: the first lines, all of them on demand. */
export function Output({ text, isFailed, isCut, isQuiet }: OutputProps): ReactNode {
  const [showsAll, setShowsAll] = useState(false);
  if (text === '' || (isQuiet && !isFailed)) return null;
  const lines = text.replace(/\n+$/, '').split('\n');
  const shown = showsAll ? lines : lines.slice(0, SHOWN_LINES);
  return (
    <div className={isFailed ? 'rounded-lg bg-danger-soft px-3 py-2 text-danger' : 'text-muted'}>
      <Scrolled>{shown.join('\n')}</Scrolled>
      {lines.length > SHOWN_LINES && (
        <button
          type="button"
          className="mt-1 text-xs text-accent underline underline-offset-2 pointer-coarse:min-h-11"
          onClick={() => setShowsAll(!showsAll)}
        >
          {showsAll ? strings.chat.showLess : strings.chat.showAll(lines.length)}
        </button>
      )}
      {isCut && <p className="mt-1 text-xs">{strings.chat.outputCut}</p>}
    </div>
  );
}
