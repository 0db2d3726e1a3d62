// A block of code: its language, a button to copy it, and colours once the highlighter has been loaded.
import { memo, useEffect, useState, type CSSProperties, type ReactNode } from 'react';
import { CopyButton } from '../ui/copy-button.tsx';
import type { CodeLine } from './highlight.ts';

export interface CodeBlockProps {
  readonly code: string;
  /** What stands behind the fence: `ts`, `bash title=…`, or nothing. */
  readonly language: string;
  /** More of it is still coming: not highlighted yet. */
  readonly isOpen?: boolean;
}

/** Colouring longer texts takes longer than a person wants to wait for it. */
const MAX_CHARS = 50_000;

export const CodeBlock = memo(function CodeBlock({
  code,
  language,
  isOpen = false,
}: CodeBlockProps): ReactNode {
  const name = /^[\w+#-]*/.exec(language)?.[0] ?? '';
  return (
    <div className="overflow-hidden rounded-lg border border-line bg-panel">
      <div className="flex items-center justify-between border-b border-line bg-raised py-0.5 pr-1 pl-3">
        <span className="font-mono text-xs text-muted">{name === '' ? 'text' : name}</span>
        <CopyButton text={code} className="size-7" />
      </div>
      <pre className="overflow-x-auto p-3 font-mono text-[13px] leading-relaxed" tabIndex={0}>
        <Code code={code} language={isOpen ? '' : name} />
      </pre>
    </div>
  );
});

export function Code({ code, language }: { code: string; language: string }): ReactNode {
  const lines = useHighlighted(code, language);
  if (lines === undefined) return <code>{code}</code>;
  return (
    <code>
      {lines.map((line, index) => (
        <span key={index}>
          {line.map((token, at) => (
            // The highlighter gives two colours as custom properties; the style sheet picks one.
            <span key={at} className="token" style={token.style as CSSProperties}>
              {token.text}
            </span>
          ))}
          {'\n'}
        </span>
      ))}
    </code>
  );
}

function useHighlighted(code: string, language: string): readonly CodeLine[] | undefined {
  const [lines, setLines] = useState<{ readonly code: string; readonly lines: readonly CodeLine[] }>();
  useEffect(() => {
    if (language === '' || code.length > MAX_CHARS) return;
    let isCurrent = true;
    void import('./highlight.ts')
      .then(async ({ highlight }) => highlight(code, language))
      .then((found) => {
        if (isCurrent && found !== undefined) setLines({ code, lines: found });
      })
      .catch(() => undefined);
    return () => {
      isCurrent = false;
    };
  }, [code, language]);
  return lines?.code === code ? lines.lines : undefined;
}
