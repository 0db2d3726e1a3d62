// What a session waits for, in one named state, derived by the reducer. Exactly one at a time: an approval hides the
// retry behind it, a retry the tool, a tool the model.
import { z } from 'zod';
import type { SessionEvent } from './event.ts';
import { ApprovalId } from './ids.ts';
import type { SessionView } from './session-view.ts';

export const Waiting = z.discriminatedUnion('kind', [
  /** Prompts wait for the agent to start; `position`: its place among those that wait for room on the workers. */
  z.object({ kind: z.literal('queue'), position: z.int().min(1).nullable() }),
  z.object({ kind: z.literal('model') }),
  z.object({ kind: z.literal('tool'), toolCallId: z.string(), name: z.string(), since: z.number() }),
  z.object({ kind: z.literal('approval'), approvalId: ApprovalId, tool: z.string() }),
  /** The model's API failed and is tried again `delayMs` after `since`. */
  z.object({
    kind: z.literal('retry'),
    attempt: z.int().min(1),
    maxRetries: z.int().min(0).nullable(),
    delayMs: z.number().nonnegative(),
    status: z.int().nullable(),
    since: z.number(),
  }),
]);
export type Waiting = z.infer<typeof Waiting>;

/** A call of the main conversation that has no result yet. A subagent's calls stand behind the call that began it. */
export const RunningTool = z.object({ toolCallId: z.string(), name: z.string(), since: z.number() });
export type RunningTool = z.infer<typeof RunningTool>;

/** Calls that a view names; a model asks for fewer at once. */
const MAX_RUNNING = 50;

type Derived = Pick<SessionView, 'runningTools' | 'waiting'>;

/** The fields of the view that this file owns. `view` has all others as they are after the event. */
export function waitingAfter(view: SessionView, event: SessionEvent): Derived {
  const runningTools = toolsAfter(view, event);
  return { runningTools, waiting: stateOf({ ...view, runningTools }, event) };
}

function toolsAfter(view: SessionView, event: SessionEvent): RunningTool[] {
  if (event.type === 'tool_call_started' && event.parentToolCallId === undefined) {
    const { toolCallId, name, at: since } = event;
    return [...view.runningTools, { toolCallId, name, since }].slice(-MAX_RUNNING);
  }
  if (event.type === 'tool_call_completed') {
    return view.runningTools.filter((tool) => tool.toolCallId !== event.toolCallId);
  }
  return view.turn === null && view.runningTools.length > 0 ? [] : view.runningTools;
}

function stateOf(view: SessionView, event: SessionEvent): Waiting | null {
  const [approval] = view.approvals;
  if (approval !== undefined) {
    return { kind: 'approval', approvalId: approval.approvalId, tool: approval.tool };
  }
  if (view.turn === null) return beforeTurn(view, event);
  const retry = retryAfter(view.waiting, event);
  if (retry !== null) return retry;
  const [tool] = view.runningTools;
  return tool === undefined ? { kind: 'model' } : { kind: 'tool', ...tool };
}

/** No turn runs: the agent waits for room on a worker, or prompts wait for the agent. */
function beforeTurn(view: SessionView, event: SessionEvent): Waiting | null {
  const position = positionAfter(view, event);
  const isWanted = view.queue.length > 0 && !view.queuePaused;
  return isWanted || position !== null ? { kind: 'queue', position } : null;
}

function positionAfter(view: SessionView, event: SessionEvent): number | null {
  if (event.type === 'notice' && event.kind === 'waiting') {
    const position = event.data?.['position'];
    return typeof position === 'number' && Number.isInteger(position) && position > 0 ? position : null;
  }
  const isOver = ['child_started', 'child_exited', 'child_parked', 'owner_changed'].includes(event.type);
  return isOver || view.waiting?.kind !== 'queue' ? null : view.waiting.position;
}

/** Events that tell that the model was heard, or that it is asked for something new. */
const HEARD: ReadonlySet<SessionEvent['type']> = new Set([
  ...(['message_delta', 'message_completed', 'message_discarded'] as const),
  ...(['tool_call_started', 'tool_call_completed', 'turn_started'] as const),
]);

/** A retry lasts until anything of the model is heard; notices tell nothing of it. */
function retryAfter(before: Waiting | null, event: SessionEvent): Waiting | null {
  if (HEARD.has(event.type)) return null;
  return event.type === 'notice' && event.kind === 'retry'
    ? (readRetry(event) ?? kept(before))
    : kept(before);
}

function kept(before: Waiting | null): Waiting | null {
  return before?.kind === 'retry' ? before : null;
}

const RetryData = z.object({
  attempt: z.int().min(1),
  maxRetries: z.int().min(0).nullish(),
  delayMs: z.number().nonnegative().nullish(),
  status: z.int().nullish(),
});

function readRetry(event: Extract<SessionEvent, { type: 'notice' }>): Waiting | null {
  const read = RetryData.safeParse(event.data);
  if (!read.success) return null;
  const { attempt, maxRetries = null, delayMs, status = null } = read.data;
  return { kind: 'retry', attempt, maxRetries, delayMs: delayMs ?? 0, status, since: event.at };
}
