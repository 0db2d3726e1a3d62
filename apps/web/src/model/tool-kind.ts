// What a tool call is about, in one line, and how its card shows it. Tools not known here show their input as JSON.
import { diffOf, type DiffLine } from './diff-lines.ts';

export interface TodoItem {
  readonly text: string;
  readonly state: 'pending' | 'in_progress' | 'completed';
}

export type ToolBody =
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'diff'; readonly path: string; readonly lines: readonly DiffLine[] }
  | { readonly kind: 'todos'; readonly items: readonly TodoItem[] }
  | { readonly kind: 'subagent'; readonly prompt: string }
  | { readonly kind: 'plan'; readonly plan: string }
  /** The headline says it all; output on demand. */
  | { readonly kind: 'compact' }
  | { readonly kind: 'json'; readonly json: string };

export interface ToolFace {
  /** The tool as people call it. */
  readonly name: string;
  readonly headline: string;
  readonly body: ToolBody;
}

type Input = Readonly<Record<string, unknown>>;

export function faceOf(name: string, input: unknown): ToolFace {
  const fields: Input = isRecord(input) ? input : {};
  const face = faces[name]?.(fields);
  return face ?? { name: displayName(name), headline: anyText(fields), body: jsonBody(input) };
}

const faces: Readonly<Record<string, (input: Input) => ToolFace | undefined>> = {
  Bash: (input) => {
    const command = text(input, 'command');
    return {
      name: 'Bash',
      headline: oneLine(text(input, 'description') || command),
      body: { kind: 'command', command },
    };
  },
  Edit: (input) => diffFace('Edit', input, [[text(input, 'old_string'), text(input, 'new_string')]]),
  MultiEdit: (input) => {
    const edits = list(input, 'edits').map((edit): [string, string] => [
      text(edit, 'old_string'),
      text(edit, 'new_string'),
    ]);
    return diffFace('Edit', input, edits);
  },
  Write: (input) => diffFace('Write', input, [['', text(input, 'content')]]),
  NotebookEdit: (input) => diffFace('Edit', input, [['', text(input, 'new_source')]]),
  Read: (input) => compact('Read', text(input, 'file_path')),
  Glob: (input) => compact('Find files', joined(text(input, 'pattern'), text(input, 'path'))),
  Grep: (input) =>
    compact('Search', joined(text(input, 'pattern'), text(input, 'path') || text(input, 'glob'))),
  LS: (input) => compact('List', text(input, 'path')),
  WebFetch: (input) => compact('Fetch', text(input, 'url')),
  WebSearch: (input) => compact('Web search', text(input, 'query')),
  TodoWrite: (input) => {
    const items = list(input, 'todos').map((todo): TodoItem => ({
      text: text(todo, 'content'),
      state: todoState(todo['status']),
    }));
    return { name: 'To do', headline: '', body: { kind: 'todos', items } };
  },
  Task: subagentFace,
  Agent: subagentFace,
  ExitPlanMode: (input) => ({
    name: 'Plan',
    headline: '',
    body: { kind: 'plan', plan: text(input, 'plan') },
  }),
  AskUserQuestion: (input) => {
    const questions = list(input, 'questions').map((question) => text(question, 'question'));
    return { name: 'Question', headline: questions.join(' '), body: { kind: 'compact' } };
  },
};

function subagentFace(input: Input): ToolFace {
  const headline = text(input, 'description') || text(input, 'subagent_type');
  return { name: 'Subagent', headline, body: { kind: 'subagent', prompt: text(input, 'prompt') } };
}

function diffFace(name: string, input: Input, edits: readonly (readonly [string, string])[]): ToolFace {
  const path = text(input, 'file_path') || text(input, 'notebook_path');
  const lines = edits.flatMap(([before, after]) => diffOf(before, after));
  return { name, headline: path, body: { kind: 'diff', path, lines } };
}

function compact(name: string, headline: string): ToolFace {
  return { name, headline, body: { kind: 'compact' } };
}

function jsonBody(input: unknown): ToolBody {
  const json = JSON.stringify(input, null, 2) ?? '';
  return json === '{}' ? { kind: 'compact' } : { kind: 'json', json };
}

/** `mcp__server__tool` as `server: tool`. */
export function displayName(name: string): string {
  const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name) ?? [];
  return server === undefined || tool === undefined ? name : `${server}: ${tool}`;
}

export function isRecord(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(input: Input, field: string): string {
  const value = input[field];
  return typeof value === 'string' ? value : '';
}

function list(input: Input, field: string): readonly Input[] {
  const value = input[field];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The first text of an unknown input. */
function anyText(input: Input): string {
  return oneLine(Object.values(input).find((value) => typeof value === 'string') ?? '');
}

function oneLine(value: unknown): string {
  return typeof value === 'string' ? (value.trim().split('\n')[0] ?? '') : '';
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' · ');
}

function todoState(value: unknown): TodoItem['state'] {
  return value === 'completed' || value === 'in_progress' ? value : 'pending';
}
