// What an agent asks before it acts, and how it is answered: the same whichever way the question came.
import { z } from 'zod';
import { ToolRule, type ApprovalKind } from '@holdfast/shared/protocol';

/** One call of a tool that waits for leave. */
export interface Ask {
  /** Names the call to the transport it came by. */
  readonly askId: string;
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly toolCallId: string | null;
  /** The subagent that asks. */
  readonly agentId: string | undefined;
  /** What the CLI proposes to allow for longer; empty when it proposes nothing. */
  readonly proposed: readonly string[];
  /** Why it asks, as a sentence for people. */
  readonly reason: string | undefined;
}

/** What the CLI takes as an answer, over either transport. */
export type Answer =
  | {
      readonly behavior: 'allow';
      /** Always whole: without it the CLI takes an allowance for a denial. */
      readonly updatedInput: Readonly<Record<string, unknown>>;
      readonly updatedPermissions?: readonly PermissionUpdate[];
    }
  | { readonly behavior: 'deny'; readonly message: string; readonly interrupt?: true };

/** A change of what the running CLI allows; it forgets it when it ends. */
export type PermissionUpdate =
  | {
      readonly type: 'addRules';
      readonly rules: readonly { readonly toolName: string; readonly ruleContent?: string }[];
      readonly behavior: 'allow';
      readonly destination: 'session';
    }
  | { readonly type: 'setMode'; readonly mode: string; readonly destination: 'session' };

/** The way on which questions come and answers go back. */
export interface ApprovalTransport {
  /** Answers an ask; one that does not wait any more is passed over. */
  answer(askId: string, answer: Answer): void;
}

/** Tools by which an agent turns to people rather than asks for leave. */
const KINDS: Readonly<Record<string, ApprovalKind>> = { AskUserQuestion: 'question', ExitPlanMode: 'plan' };

export function kindOf(tool: string): ApprovalKind {
  return KINDS[tool] ?? 'tool';
}

const Questions = z.looseObject({ questions: z.array(z.looseObject({ question: z.string() })) });

/** The texts of the questions that are asked; answers are keyed by them. */
export function questionsOf(input: Ask['input']): string[] {
  const parsed = Questions.safeParse(input);
  return parsed.success ? parsed.data.questions.map(({ question }) => question) : [];
}

/** What an allowance for longer would allow: the CLI's proposal, or calls that begin alike. */
export function rulesOf(ask: Pick<Ask, 'tool' | 'input' | 'proposed'>): ToolRule[] {
  if (kindOf(ask.tool) !== 'tool') return [];
  const proposed = ask.proposed.filter((rule) => ToolRule.safeParse(rule).success);
  if (proposed.length > 0) return proposed;
  const rule = ownRule(ask);
  return ToolRule.safeParse(rule).success ? [rule] : [];
}

/** Characters that make one shell command several, or run another inside it. */
const COMPOUND = /[;&|<>`$(){}\n\r\\]/u;

function ownRule({ tool, input }: Pick<Ask, 'tool' | 'input'>): ToolRule {
  const { command, url } = input;
  if (tool === 'Bash' && typeof command === 'string') {
    const [program = ''] = command.trim().split(/\s+/u);
    return COMPOUND.test(command) || program === '' ? `Bash(${command.trim()})` : `Bash(${program} *)`;
  }
  if (tool === 'WebFetch' && typeof url === 'string' && URL.canParse(url)) {
    return `WebFetch(domain:${new URL(url).hostname})`;
  }
  return tool;
}
