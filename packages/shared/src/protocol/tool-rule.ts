// Rules that name tool calls, in the agent's syntax: `Read`, `Bash(git *)`, `mcp__server__tool`. Browser-safe.
import { z } from 'zod';

export const MAX_RULE_CHARS = 500;

/** A tool's name, and, in parentheses, which of its calls: one line. */
const SYNTAX = /^[A-Za-z_][\w*-]*(\([^\n\r]*[^\s][^\n\r]*\))?$/u;

export const ToolRule = z
  .string()
  .trim()
  .min(1)
  .max(MAX_RULE_CHARS)
  .regex(SYNTAX, 'is not a rule: give the name of a tool, or a name with a pattern as in "Bash(git *)"');
export type ToolRule = z.infer<typeof ToolRule>;

export interface RuleParts {
  readonly tool: string;
  /** What stands in parentheses; null: every call of the tool. */
  readonly pattern: string | null;
}

/** Takes a valid rule apart. */
export function ruleParts(rule: ToolRule): RuleParts {
  const open = rule.indexOf('(');
  return open === -1
    ? { tool: rule, pattern: null }
    : { tool: rule.slice(0, open), pattern: rule.slice(open + 1, -1) };
}
