// The lines that rows of a conversation are told in. Pure.
import type { Message } from '@holdfast/shared/protocol';
import type { RenderOptions } from './piece.ts';
import { oneLine } from './style.ts';

const MAX_INPUT_CHARS = 100;
const MAX_RESULT_LINES = 3;

export function rowLines(row: Message, options: RenderOptions): readonly string[] {
  const { style, clean } = options;
  switch (row.kind) {
    case 'prompt':
      return [promptLine(row.text, options)];
    case 'text':
      return [
        row.parentToolCallId === null ? clean(row.text) : style.dim(clean(`  | ${oneLine(row.text, 200)}`)),
      ];
    case 'thinking':
      return row.text === '' ? [] : [style.dim(clean(`· thinking: ${oneLine(row.text, 200)}`))];
    case 'tool':
      return [toolLine(row, options), ...(row.state === 'running' ? [] : toolEnd(row, options))];
    case 'notice':
      return [style.dim(clean(`· ${row.text}`))];
    case 'turn_end':
      return [turnEndLine(row, options)];
  }
}

export function promptLine(text: string, { style, clean }: RenderOptions): string {
  return style.bold(`> ${clean(text).trimEnd().replaceAll('\n', '\n  ')}`);
}

export function toolLine(
  call: {
    readonly name: string;
    readonly input: unknown;
    readonly parentToolCallId?: string | null | undefined;
  },
  { style, clean }: RenderOptions,
): string {
  const indent = (call.parentToolCallId ?? null) === null ? '' : '  ';
  return style.cyan(
    clean(`${indent}[${call.name}] ${oneLine(inputText(call.input), MAX_INPUT_CHARS)}`.trimEnd()),
  );
}

export function resultLines(
  result: { readonly output: string; readonly isError: boolean; readonly truncated: boolean },
  { style, clean }: RenderOptions,
): readonly string[] {
  const lines = clean(result.output).trimEnd().split('\n');
  const shown = lines.slice(0, MAX_RESULT_LINES).map((line) => `  | ${oneLine(line, 160)}`);
  const left = lines.length - shown.length;
  const more = left > 0 || result.truncated ? [`  | … ${left > 0 ? `${left} more lines` : 'cut'}`] : [];
  if (result.isError) return ['  failed:', ...shown, ...more].map(style.red);
  return result.output.trim() === '' ? [] : [...shown, ...more].map(style.dim);
}

/** How a turn ended; duration and cost where they are known. */
export function turnEndLine(
  end: {
    readonly stopReason: string;
    readonly error: string | null;
    readonly durationMs?: number;
    readonly costUsd?: number;
  },
  { style, clean }: RenderOptions,
): string {
  const facts = [
    end.durationMs === undefined ? '' : `${(end.durationMs / 1000).toFixed(1)} s`,
    end.costUsd === undefined || end.costUsd === 0 ? '' : `$${end.costUsd.toFixed(4)}`,
  ].filter((fact) => fact !== '');
  const line = `-- ${end.stopReason}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
  return end.error === null ? style.dim(line) : style.red(clean(`${line}: ${end.error}`));
}

function toolEnd(row: Extract<Message, { kind: 'tool' }>, options: RenderOptions): readonly string[] {
  if (row.state === 'lost') return [options.style.red('  lost: the CLI ended before it was done')];
  return resultLines(
    { output: row.output, isError: row.state === 'failed', truncated: row.truncated },
    options,
  );
}

/** The field of a tool's input that says most, else all of it as JSON. */
export function inputText(input: unknown): string {
  if (typeof input !== 'object' || input === null) return input === undefined ? '' : JSON.stringify(input);
  for (const key of ['command', 'file_path', 'path', 'pattern', 'url', 'query', 'description', 'prompt']) {
    const value: unknown = Object.hasOwn(input, key) ? Reflect.get(input, key) : undefined;
    if (typeof value === 'string') return value;
  }
  return JSON.stringify(input);
}
