// Approvals: what an agent asks before it acts, and what people can decide. Browser-safe.
import { z } from 'zod';
import { ToolRule } from './tool-rule.ts';

/** What is asked: leave to run a tool, answers to questions, or agreement to a plan. */
export const ApprovalKind = z.enum(['tool', 'question', 'plan']);
export type ApprovalKind = z.infer<typeof ApprovalKind>;

/** How long an allowance holds: this call; until the session ends; in all sessions of the user in this folder. */
export const AllowScope = z.enum(['once', 'session', 'always']);
export type AllowScope = z.infer<typeof AllowScope>;

/** The permission modes in which an approved plan can be carried out. */
export const PlanMode = z.enum(['default', 'acceptEdits']);
export type PlanMode = z.infer<typeof PlanMode>;

/** Longest edited input or set of answers, as JSON, in characters. */
export const MAX_DECISION_CHARS = 200_000;
/** Longest message to the agent, in characters. */
export const MAX_MESSAGE_CHARS = 10_000;

/** The input of a tool: a JSON object. */
export const ToolInput = z.record(z.string(), z.unknown());
export type ToolInput = z.infer<typeof ToolInput>;

/** Answers by the text of their question: a label or free text; several for a question that takes several. */
export const Answers = z.record(z.string(), z.string().or(z.array(z.string()).max(50)));
export type Answers = z.infer<typeof Answers>;

export const Decision = z.discriminatedUnion('kind', [
  /** Runs the tool; `input` instead of what was asked. `rules`: what to allow from now on, instead of the proposal. */
  z.object({
    kind: z.literal('allow'),
    scope: AllowScope.default('once'),
    input: ToolInput.optional(),
    rules: z.array(ToolRule).min(1).max(20).optional(),
  }),
  /** The tool does not run and the agent reads `message`; `stop` also aborts the turn. Sends a plan back. */
  z.object({
    kind: z.literal('deny'),
    message: z.string().max(MAX_MESSAGE_CHARS).optional(),
    stop: z.boolean().default(false),
  }),
  /** Answers the questions of a `question`. */
  z.object({ kind: z.literal('answer'), answers: Answers }),
  /** Approves a `plan`, to be carried out in this mode. */
  z.object({ kind: z.literal('plan'), mode: PlanMode.default('default') }),
]);
export type Decision = z.infer<typeof Decision>;
export type DecisionInput = z.input<typeof Decision>;

/** Which decisions a kind of approval takes. */
export const DECISIONS_OF: Readonly<Record<ApprovalKind, readonly Decision['kind'][]>> = {
  tool: ['allow', 'deny'],
  question: ['answer', 'deny'],
  plan: ['plan', 'deny'],
};

/** Whether a decision is too long to be stored. */
export function isTooLong(decision: Decision): boolean {
  return JSON.stringify(decision).length > MAX_DECISION_CHARS + MAX_MESSAGE_CHARS;
}

/** JSON whose objects have their keys in order: equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
