// A decision as the answer for the CLI and the event for everybody. Pure.
import {
  ruleParts,
  type Answers,
  type Decision,
  type EventBodyOf,
  type UserId,
} from '@holdfast/shared/protocol';
import { assertNever } from '@holdfast/shared/util';
import type { Answer, Ask, PermissionUpdate } from './ask.ts';

type Resolved = Omit<EventBodyOf<'approval_resolved'>, 'type' | 'approvalId'>;

export interface Outcome {
  readonly answer: Answer;
  readonly resolved: Resolved;
}

const NO_REASON = 'A person denied this. Do not try again unless you are asked to.';
const STOPPED = 'A person stopped this turn.';

/** `rules`: what an allowance for longer allows, unless the decision names others. */
export function outcomeOf(
  decision: Decision,
  asked: { readonly ask: Ask; readonly rules: readonly string[]; readonly by: UserId },
): Outcome {
  const { ask, by } = asked;
  switch (decision.kind) {
    case 'allow': {
      const { scope, input } = decision;
      const rules = scope === 'once' ? [] : (decision.rules ?? asked.rules);
      const updates = rules.length === 0 ? {} : { updatedPermissions: [addRules(rules)] };
      return {
        answer: { behavior: 'allow', updatedInput: input ?? ask.input, ...updates },
        resolved: {
          ...{ outcome: 'allowed', message: null, by },
          ...(scope === 'once' ? {} : { scope, rules: [...rules] }),
          ...(input === undefined ? {} : { input }),
        },
      };
    }
    case 'deny': {
      const { message, stop } = decision;
      const text = message === undefined || message.trim() === '' ? undefined : message;
      return {
        answer: stop
          ? { behavior: 'deny', message: text ?? STOPPED, interrupt: true }
          : { behavior: 'deny', message: text ?? NO_REASON },
        resolved: { outcome: 'denied', message: text ?? null, by, ...(stop ? { stop } : {}) },
      };
    }
    case 'answer': {
      const { answers } = decision;
      return {
        answer: { behavior: 'allow', updatedInput: { ...ask.input, answers: joined(answers) } },
        resolved: { outcome: 'allowed', message: null, by, answers },
      };
    }
    case 'plan': {
      const { mode } = decision;
      const updates: PermissionUpdate[] = [{ type: 'setMode', mode, destination: 'session' }];
      return {
        answer: { behavior: 'allow', updatedInput: ask.input, updatedPermissions: updates },
        resolved: { outcome: 'allowed', message: null, by, mode },
      };
    }
    default:
      return assertNever(decision);
  }
}

function addRules(rules: readonly string[]): PermissionUpdate {
  return {
    type: 'addRules',
    rules: rules.map((rule) => {
      const { tool, pattern } = ruleParts(rule);
      return pattern === null ? { toolName: tool } : { toolName: tool, ruleContent: pattern };
    }),
    behavior: 'allow',
    destination: 'session',
  };
}

/** The CLI takes one text for each question. */
function joined(answers: Answers): Record<string, string> {
  return Object.fromEntries(
    Object.entries(answers).map(([question, answer]) => [
      question,
      typeof answer === 'string' ? answer : answer.join(', '),
    ]),
  );
}
