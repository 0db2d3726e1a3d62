// What a session looks like after its events: the state that the one reducer (session-reducer.ts) folds.
// A stored snapshot is this value, so every field here is plain JSON and bounded.
import { z } from 'zod';
import { ApprovalKind } from './approval.ts';
import { PromptContent } from './content.ts';
import { BlockKind, ModelSource, TaskKind } from './event.ts';
import { ApprovalId, PromptId, TurnId, UserId, WorkerId } from './ids.ts';
import { Offset } from './position.ts';
import { RunningTool, Waiting } from './session-waiting.ts';
import { SessionSettings } from './settings.ts';
import { NO_TOKENS, StopReason, TokenTotals } from './turn.ts';

const at = { offset: z.int().min(1), turnId: TurnId.nullable() };

/** One finished thing of the conversation, in log order. `truncated`: the text was cut to fit the snapshot. */
export const Message = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('prompt'),
    ...at,
    promptId: PromptId.nullable(),
    text: z.string(),
    truncated: z.boolean(),
  }),
  z.object({
    kind: z.enum(['text', 'thinking']),
    ...at,
    messageId: z.string(),
    block: z.int(),
    parentToolCallId: z.string().nullable(),
    text: z.string(),
    truncated: z.boolean(),
  }),
  z.object({
    kind: z.literal('tool'),
    ...at,
    messageId: z.string(),
    toolCallId: z.string(),
    parentToolCallId: z.string().nullable(),
    name: z.string(),
    input: z.unknown(),
    state: z.enum(['running', 'done', 'failed', 'lost']),
    output: z.string(),
    truncated: z.boolean(),
  }),
  z.object({ kind: z.literal('notice'), ...at, notice: z.string(), text: z.string() }),
  z.object({
    kind: z.literal('turn_end'),
    ...at,
    stopReason: StopReason.or(z.literal('interrupted')),
    delivered: z.boolean(),
    error: z.string().nullable(),
  }),
]);
export type Message = z.infer<typeof Message>;

/** A block that is still streaming. */
export const OpenBlock = z.object({
  messageId: z.string(),
  block: z.int(),
  kind: BlockKind,
  parentToolCallId: z.string().nullable(),
  text: z.string(),
  truncated: z.boolean(),
});
export type OpenBlock = z.infer<typeof OpenBlock>;

/** `steering`: it is on its way into the running turn and can't be changed any more. */
export const QueuedPrompt = z.object({
  promptId: PromptId,
  content: PromptContent,
  by: UserId,
  steering: z.literal(true).optional(),
});
export type QueuedPrompt = z.infer<typeof QueuedPrompt>;

export const PendingApproval = z.object({
  approvalId: ApprovalId,
  turnId: TurnId.nullable(),
  toolCallId: z.string().nullable(),
  tool: z.string(),
  input: z.unknown(),
  agentId: z.string().optional(),
  kind: ApprovalKind.optional(),
  inputDigest: z.string().optional(),
  rules: z.array(z.string()).optional(),
  reason: z.string().optional(),
  expiresAt: z.int().optional(),
});
export type PendingApproval = z.infer<typeof PendingApproval>;

/** Work of the agent that goes on, also between turns. */
export const TaskView = z.object({
  taskId: z.string(),
  toolCallId: z.string().nullable(),
  kind: TaskKind,
  description: z.string(),
  startedAt: z.number(),
});
export type TaskView = z.infer<typeof TaskView>;

export const ChildView = z.discriminatedUnion('state', [
  z.object({ state: z.literal('none') }),
  z.object({
    state: z.literal('running'),
    pid: z.int(),
    cliVersion: z.string().nullable(),
    modelSource: ModelSource,
    containment: z.enum(['namespace', 'sweep']),
    startedAtOffset: Offset,
    /** Turns this child has ended. */
    turns: z.int().min(0),
  }),
  z.object({ state: z.literal('parked'), reason: z.string() }),
  z.object({ state: z.literal('exited'), cause: z.string(), expected: z.boolean() }),
]);
export type ChildView = z.infer<typeof ChildView>;

export const SessionView = z.object({
  /** The last event folded in; 0 before the first. */
  offset: Offset,
  userId: UserId.nullable(),
  title: z.string().nullable(),
  cwd: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
  settings: SessionSettings,
  archived: z.boolean().default(false),
  owner: z.object({ workerId: WorkerId.nullable(), fence: z.number() }),
  child: ChildView,
  turn: z
    .object({ turnId: TurnId, promptId: PromptId.nullable(), startedAt: z.number(), stalled: z.boolean() })
    .nullable(),
  openBlocks: z.array(OpenBlock),
  queue: z.array(QueuedPrompt),
  queuePaused: z.boolean(),
  approvals: z.array(PendingApproval),
  /** People are not asked until then; null: they are. */
  bypass: z.object({ until: z.int(), by: UserId.nullable() }).nullable().default(null),
  tasks: z.array(TaskView).default([]),
  runningTools: z.array(RunningTool).default([]),
  /** What the session waits for; null: nothing, or a person's next prompt. */
  waiting: Waiting.nullable().default(null),
  usage: z.object({
    contextTokens: z.number(),
    windowTokens: z.number().nullable(),
    totals: TokenTotals,
    costUsd: z.number(),
  }),
  turnsEnded: z.int().min(0),
  /** The last messages; `messagesDropped` says how many older ones were left out of this value. */
  messages: z.array(Message),
  messagesDropped: z.int().min(0),
  /** Bytes of `messages` as JSON: kept by the reducer so that bounding costs nothing. */
  messagesBytes: z.int().min(0),
});
export type SessionView = z.infer<typeof SessionView>;

/** The view before the first event. */
export const EMPTY_VIEW: SessionView = {
  offset: 0,
  userId: null,
  title: null,
  cwd: '',
  createdAt: 0,
  updatedAt: 0,
  settings: { permissionMode: 'default', allowedTools: [], disallowedTools: [] },
  archived: false,
  owner: { workerId: null, fence: 0 },
  child: { state: 'none' },
  turn: null,
  openBlocks: [],
  queue: [],
  queuePaused: false,
  approvals: [],
  bypass: null,
  tasks: [],
  runningTools: [],
  waiting: null,
  usage: { contextTokens: 0, windowTokens: null, totals: NO_TOKENS, costUsd: 0 },
  turnsEnded: 0,
  messages: [],
  messagesDropped: 0,
  messagesBytes: 0,
};

/** What a session is doing, in one word. `running` means a turn is in flight, never merely a living process. */
export type SessionStatus = 'idle' | 'queued' | 'paused' | 'running' | 'awaiting_approval';
export const SessionStatus = z.enum(['idle', 'queued', 'paused', 'running', 'awaiting_approval']);

/** Derives the status; no event that merely informs can turn `running` on. */
export function statusOf(view: SessionView): SessionStatus {
  if (view.approvals.length > 0) return 'awaiting_approval';
  if (view.turn !== null) return 'running';
  if (view.queue.length === 0) return 'idle';
  return view.queuePaused ? 'paused' : 'queued';
}
