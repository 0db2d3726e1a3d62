// What the CLI sends on its control channel that is about leave to act: questions, their withdrawal, the hook before
// every tool call, and in which mode it works. Loose on purpose, like cli-messages.ts.
import { z } from 'zod';
import type { Ask } from './ask.ts';

/** Names the hook that the worker registers when a CLI starts. */
export const GUARD_HOOK = 'holdfast-guard';

/** Registers the guard with `initialize`. Its time-out, in seconds, must never come first: the tool would run then. */
export const GUARD_HOOKS = {
  PreToolUse: [{ matcher: null, hookCallbackIds: [GUARD_HOOK], timeout: 7 * 86_400 }],
};

const Rule = z.looseObject({ toolName: z.string(), ruleContent: z.string().optional() });
const Suggestion = z.looseObject({
  type: z.string(),
  behavior: z.string().optional(),
  rules: z.array(Rule).optional(),
});
const CanUseTool = z.looseObject({
  subtype: z.literal('can_use_tool'),
  tool_name: z.string(),
  input: z.record(z.string(), z.unknown()),
  tool_use_id: z.string().optional(),
  agent_id: z.string().optional(),
  decision_reason: z.string().optional(),
  blocked_path: z.string().nullish(),
  permission_suggestions: z.array(Suggestion).optional().catch(undefined),
});
const HookCallback = z.looseObject({
  subtype: z.literal('hook_callback'),
  input: z.looseObject({
    permission_mode: z.string().optional(),
    tool_name: z.string(),
    tool_input: z.record(z.string(), z.unknown()).catch({}),
    transcript_path: z.string().catch(''),
  }),
});
const ModeLine = z.looseObject({
  type: z.literal('system'),
  subtype: z.enum(['init', 'status']),
  permissionMode: z.string(),
});

export interface HookCall {
  readonly mode: string | undefined;
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** The CLI's config directory. */
  readonly configDir: string;
}

export function readAsk(requestId: string, request: unknown): Ask | null {
  const parsed = CanUseTool.safeParse(request);
  if (!parsed.success) return null;
  const { tool_name: tool, input, tool_use_id: toolCallId, agent_id: agentId } = parsed.data;
  const { decision_reason: why, blocked_path: path, permission_suggestions: suggestions = [] } = parsed.data;
  const reason = why ?? (typeof path === 'string' && path !== '' ? `It is about ${path}.` : undefined);
  const proposed = suggestions
    .filter(({ type, behavior }) => type === 'addRules' && behavior === 'allow')
    .flatMap(({ rules = [] }) => rules.map(ruleText));
  return { askId: requestId, tool, input, toolCallId: toolCallId ?? null, agentId, proposed, reason };
}

export function readHookCall(request: unknown): HookCall | null {
  const parsed = HookCallback.safeParse(request);
  if (!parsed.success) return null;
  const { permission_mode: mode, tool_name: tool, tool_input: input } = parsed.data.input;
  const [configDir = ''] = parsed.data.input.transcript_path.split('/projects/', 1);
  return { mode, tool, input, configDir };
}

/** The permission mode that a message tells; undefined when it tells none. */
export function modeToldBy(message: unknown): string | undefined {
  const parsed = ModeLine.safeParse(message);
  return parsed.success ? parsed.data.permissionMode : undefined;
}

function ruleText({ toolName, ruleContent }: z.infer<typeof Rule>): string {
  return ruleContent === undefined || ruleContent === '' ? toolName : `${toolName}(${ruleContent})`;
}
