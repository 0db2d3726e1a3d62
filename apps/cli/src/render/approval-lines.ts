// What waits for a decision, and what to type. Pure.
import type { EventBodyOf, PendingApproval } from '@holdfast/shared/protocol';
import type { RenderOptions } from './piece.ts';
import { inputText } from './row-lines.ts';
import { oneLine } from './style.ts';

type Asked = Omit<PendingApproval, 'turnId'>;

const MAX_INPUT_CHARS = 400;
/** A plan is to be read before it is approved. */
const MAX_PLAN_LINES = 60;

/** The approval with everything that a person needs to decide it. */
export function approvalLines(asked: Asked, options: RenderOptions): readonly string[] {
  const { style, clean } = options;
  const [title, ...details] = describe(asked).map((line) => clean(line));
  const reason = asked.reason === undefined ? [] : [`  ${clean(asked.reason)}`];
  return [
    style.bold(`? ${title}`),
    ...details.map((line) => `  ${line}`),
    ...reason.map(style.dim),
    ...hints(asked, options.sessionId ?? 'SESSION').map((line) => style.dim(clean(`  ${line}`))),
  ];
}

/** One line for it, as lists show it. */
export function approvalLine(asked: Asked): string {
  const [title = ''] = describe(asked);
  return oneLine(title, 100);
}

export function resolvedLine(event: EventBodyOf<'approval_resolved'>, options: RenderOptions): string {
  const { outcome, by, message, rules = [], scope, mode, answers } = event;
  const facts = [
    by === null ? '' : `by ${by}`,
    scope === undefined ? '' : `${scope === 'always' ? 'always' : 'for the session'}: ${rules.join(', ')}`,
    mode === undefined ? '' : `in mode ${mode}`,
    answers === undefined ? '' : Object.values(answers).flat().join('; '),
    message ?? '',
  ].filter((fact) => fact !== '');
  return options.style.dim(options.clean(`  ${[outcome, ...facts].join(', ')}`));
}

function describe(asked: Asked): readonly string[] {
  const who = asked.agentId === undefined ? '' : ' (a subagent)';
  switch (asked.kind) {
    case 'question':
      return [`The agent has a question${who}`, ...questionLines(asked.input)];
    case 'plan':
      return [`The agent asks for approval of its plan${who}`, ...planLines(asked.input)];
    case 'tool':
    case undefined:
      return [`${asked.tool} waits for leave${who}: ${oneLine(inputText(asked.input), MAX_INPUT_CHARS)}`];
  }
}

function hints(asked: Asked, sessionId: string): readonly string[] {
  const target = `${sessionId} ${asked.approvalId}`;
  const deny = `holdfast deny ${target} [--message TEXT] [--stop]`;
  switch (asked.kind) {
    case 'question':
      return [`holdfast answer ${target} TEXT…   (an option, its number, or your words)`, deny];
    case 'plan':
      return [`holdfast approve ${target} [--mode acceptEdits]`, deny];
    case 'tool':
    case undefined: {
      const rules = asked.rules ?? [];
      const longer = rules.length === 0 ? '' : `   --session or --always allow ${rules.join(', ')}`;
      return [`holdfast approve ${target}${longer}`, deny];
    }
  }
}

function questionLines(input: unknown): readonly string[] {
  return questionsOf(input).flatMap(({ question, options }) => [
    question,
    ...options.map((label, index) => `  ${index + 1}. ${label}`),
  ]);
}

function planLines(input: unknown): readonly string[] {
  const plan = fieldOf(input, 'plan');
  const lines = typeof plan === 'string' ? plan.trim().split('\n') : [];
  return lines.length <= MAX_PLAN_LINES ? lines : [...lines.slice(0, MAX_PLAN_LINES), '…'];
}

/** The questions of an approval, with the labels of their options. */
export function questionsOf(
  input: unknown,
): readonly { readonly question: string; readonly options: readonly string[] }[] {
  const questions = fieldOf(input, 'questions');
  if (!Array.isArray(questions)) return [];
  return questions.flatMap((entry: unknown) => {
    const question = fieldOf(entry, 'question');
    const options = fieldOf(entry, 'options');
    if (typeof question !== 'string') return [];
    const labels = Array.isArray(options) ? options.map((option: unknown) => fieldOf(option, 'label')) : [];
    return [{ question, options: labels.filter((label) => typeof label === 'string') }];
  });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
