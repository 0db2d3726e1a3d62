// The difference between two texts as lines to show: what changed, with a little around it.
import { structuredPatch } from 'diff';

export interface DiffLine {
  readonly kind: 'added' | 'removed' | 'same' | 'gap';
  readonly text: string;
}

const AROUND = 3;
const MARKS: Readonly<Record<string, DiffLine['kind']>> = { '+': 'added', '-': 'removed', ' ': 'same' };
/** Larger texts are not compared line by line: that would hold the page up. */
const MAX_CHARS = 200_000;

export function diffOf(before: string, after: string): readonly DiffLine[] {
  if (before.length + after.length > MAX_CHARS) {
    return [...linesOf(before, 'removed'), ...linesOf(after, 'added')];
  }
  const { hunks } = structuredPatch('', '', before, after, '', '', { context: AROUND });
  return hunks.flatMap((hunk, index) => {
    const gap: DiffLine[] = index === 0 ? [] : [{ kind: 'gap', text: '' }];
    const lines = hunk.lines.flatMap((line): DiffLine[] => {
      const kind = MARKS[line[0] ?? ''];
      return kind === undefined ? [] : [{ kind, text: line.slice(1) }];
    });
    return [...gap, ...lines];
  });
}

function linesOf(text: string, kind: DiffLine['kind']): readonly DiffLine[] {
  return text === '' ? [] : text.split('\n').map((line) => ({ kind, text: line }));
}
