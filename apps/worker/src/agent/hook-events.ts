// The CLI's lines about hooks: the lifecycle of each run, and what a hook has to say to people.
import type { EventBody, EventBodyOf, TurnId } from '@holdfast/shared/protocol';
import { z } from 'zod';

const hook = {
  hook_id: z.string().nullish(),
  hook_name: z.string().nullish(),
  hook_event: z.string().nullish(),
};
const Started = z.looseObject({ subtype: z.literal('hook_started'), ...hook });
const Response = z.looseObject({
  subtype: z.literal('hook_response'),
  ...hook,
  output: z.string().nullish(),
  stdout: z.string().nullish(),
  exit_code: z.int().nullish(),
  outcome: z.string().nullish(),
});

/** What a hook may answer as JSON that is meant for people, in this order of preference. */
const Said = z.looseObject({
  systemMessage: z.string().optional(),
  stopReason: z.string().optional(),
  reason: z.string().optional(),
  hookSpecificOutput: z.looseObject({ permissionDecisionReason: z.string().optional() }).optional(),
});

const MAX_CHARS = 2_000;

/** The events of a `system` message about a hook; undefined when it is about something else. */
export function hookEvents(message: unknown, turnId: TurnId | null): EventBody[] | undefined {
  const started = Started.safeParse(message);
  if (started.success) return [{ type: 'hook_started', turnId, ...nameOf(started.data) }];
  const response = Response.safeParse(message);
  return response.success ? ended(response.data, turnId) : undefined;
}

function ended(response: z.infer<typeof Response>, turnId: TurnId | null): EventBody[] {
  const exitCode = response.exit_code ?? null;
  const isFailed = response.outcome === 'error' || (exitCode !== null && exitCode !== 0);
  const outcome: EventBodyOf<'hook_ended'>['outcome'] =
    response.outcome === 'cancelled' ? 'cancelled' : isFailed ? 'failed' : 'success';
  const named = nameOf(response);
  const end: EventBody = { type: 'hook_ended', turnId, ...named, outcome, exitCode };
  const said = wordsOf(response.output || response.stdout || '');
  if (said === '' && !isFailed) return [end];
  const text = `${named.name}: ${said || 'failed'}`;
  return [end, { type: 'notice', kind: 'hook', text, data: { hookId: named.hookId, exitCode } }];
}

function nameOf(of: z.infer<typeof Started> | z.infer<typeof Response>): {
  readonly hookId: string;
  readonly name: string;
  readonly event: string;
} {
  const event = of.hook_event ?? '';
  return { hookId: of.hook_id ?? '', name: of.hook_name || event || 'A hook', event };
}

/** A hook's plain words, or those that its JSON has for people. JSON without any says nothing. */
function wordsOf(output: string): string {
  const text = output.trim();
  if (!text.startsWith('{')) return text.slice(0, MAX_CHARS);
  const said = Said.safeParse(parsed(text)).data;
  if (said === undefined) return text.slice(0, MAX_CHARS);
  const { systemMessage, stopReason, reason, hookSpecificOutput } = said;
  const words = systemMessage ?? stopReason ?? reason ?? hookSpecificOutput?.permissionDecisionReason ?? '';
  return words.trim().slice(0, MAX_CHARS);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
