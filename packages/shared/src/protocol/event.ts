// The events of a session's log: immutable facts, past tense, one schema per type. The list may grow;
// readers must pass over types they do not know (`unknown` here is for what the CLI itself adds).
import { z } from 'zod';
import { AllowScope, Answers, ApprovalKind, PlanMode, ToolInput } from './approval.ts';
import { PromptContent } from './content.ts';
import { ApprovalId, PromptId, SessionId, TurnId, UserId, WorkerId } from './ids.ts';
import { SessionSettings } from './settings.ts';
import { StopReason, TokenTotals } from './turn.ts';

/** What the stream of one assistant message block is made of. */
export const BlockKind = z.enum(['text', 'thinking', 'tool_input']);
export type BlockKind = z.infer<typeof BlockKind>;

/** Deltas and their completion are matched by (messageId, block). */
const blockKey = { turnId: TurnId.nullable(), messageId: z.string(), block: z.int().min(0) };
const parent = { parentToolCallId: z.string().optional() };

/** What a task of the agent is: a shell command, a subagent, or a kind that this version does not know. */
export const TaskKind = z.enum(['shell', 'agent', 'other']);
export type TaskKind = z.infer<typeof TaskKind>;

export const ModelSource = z.enum(['demo', 'real']);
export type ModelSource = z.infer<typeof ModelSource>;

const payloads = {
  session_created: z.object({
    sessionId: SessionId,
    userId: UserId,
    title: z.string().nullable(),
    cwd: z.string(),
    settings: SessionSettings,
  }),
  /** Everything as it is from here on, changed or not; `archived` absent: not archived. */
  settings_changed: z.object({
    settings: SessionSettings,
    title: z.string().nullable(),
    archived: z.boolean().optional(),
    by: UserId,
  }),
  prompt_queued: z.object({ promptId: PromptId, content: PromptContent, by: UserId }),
  prompt_edited: z.object({ promptId: PromptId, content: PromptContent, by: UserId }),
  /** `before`: the prompt it now stands in front of; null: the end of the queue. */
  prompt_moved: z.object({ promptId: PromptId, before: PromptId.nullable(), by: UserId }),
  prompt_cancelled: z.object({ promptId: PromptId, by: UserId }),
  /**
   * The prompt is on its way into the running turn and can't be changed any more. It ends as exactly one of
   * prompt_injected, turn_started (with `steerId` as turn id) and prompt_returned, or as prompt_cancelled.
   */
  prompt_steered: z.object({ promptId: PromptId, steerId: TurnId, turnId: TurnId }),
  prompt_injected: z.object({ promptId: PromptId, turnId: TurnId, content: PromptContent.optional() }),
  /** The prompt is back at the front of the queue; `paused`: it will not be tried again by itself. */
  prompt_returned: z.object({
    promptId: PromptId,
    content: PromptContent,
    by: UserId,
    reason: z.string(),
    paused: z.boolean(),
  }),
  /** The queue was paused and goes on. A new prompt lets it go on as well, without this event. */
  queue_resumed: z.object({ by: UserId }),
  abort_requested: z.object({
    turnId: TurnId.nullable(),
    queue: z.enum(['keep', 'clear']),
    background: z.enum(['keep', 'stop']),
    by: UserId,
  }),
  /** `promptId` null: the CLI started this turn by itself (background work that ended). */
  turn_started: z.object({
    turnId: TurnId,
    promptId: PromptId.nullable(),
    content: PromptContent.nullable(),
    attempt: z.int().min(1),
  }),
  message_delta: z.object({ ...blockKey, ...parent, kind: BlockKind, text: z.string() }),
  message_completed: z.object({
    ...blockKey,
    ...parent,
    kind: z.enum(['text', 'thinking']),
    text: z.string(),
  }),
  /** The deltas of this block were superseded or aborted: what was shown of it is to be removed. */
  message_discarded: z.object({ ...blockKey }),
  tool_call_started: z.object({
    ...blockKey,
    ...parent,
    toolCallId: z.string(),
    name: z.string(),
    input: z.unknown(),
  }),
  tool_call_completed: z.object({
    turnId: TurnId.nullable(),
    ...parent,
    toolCallId: z.string(),
    isError: z.boolean(),
    /** The result as text; long results are cut, and `truncated` says so. */
    output: z.string(),
    truncated: z.boolean(),
  }),
  /** Work that may go on behind the turn: a shell command (in the background, or one that takes long), a subagent. */
  task_started: z.object({
    turnId: TurnId.nullable(),
    taskId: z.string(),
    toolCallId: z.string().nullable(),
    kind: TaskKind,
    description: z.string(),
  }),
  /** Tasks that have not ended end without this event with their child: `child_exited`, `child_parked`, `owner_changed`. */
  task_ended: z.object({
    turnId: TurnId.nullable(),
    taskId: z.string(),
    status: z.enum(['completed', 'failed', 'stopped']),
  }),
  approval_requested: z.object({
    approvalId: ApprovalId,
    turnId: TurnId.nullable(),
    toolCallId: z.string().nullable(),
    tool: z.string(),
    input: z.unknown(),
    agentId: z.string().optional(),
    /** Absent: `tool`. */
    kind: ApprovalKind.optional(),
    /** Names the input: a decision that carries another one is refused. */
    inputDigest: z.string().optional(),
    /** What an allowance for longer than this call would allow from then on. */
    rules: z.array(z.string()).optional(),
    /** Why the agent asks, as a sentence for people. */
    reason: z.string().optional(),
    /** When it is denied unless somebody answers, ms since 1970; absent: never. */
    expiresAt: z.int().optional(),
  }),
  approval_resolved: z.object({
    approvalId: ApprovalId,
    outcome: z.enum(['allowed', 'denied', 'cancelled', 'expired', 'lost']),
    message: z.string().nullable(),
    by: UserId.nullable(),
    /** How long the allowance holds; absent: this call. */
    scope: AllowScope.optional(),
    /** What is allowed from here on. */
    rules: z.array(z.string()).optional(),
    /** The input that the tool got instead of what was asked. */
    input: ToolInput.optional(),
    answers: Answers.optional(),
    /** The mode in which an approved plan is carried out. */
    mode: PlanMode.optional(),
    /** The turn was stopped as well. */
    stop: z.literal(true).optional(),
  }),
  /** What people would be asked for runs without asking `until` then (ms since 1970); null: not any more. */
  bypass_changed: z.object({
    until: z.int().nullable(),
    by: UserId.nullable(),
    /** Why it ended, as a sentence. */
    reason: z.string().nullable(),
  }),
  usage_updated: z.object({
    /** Context fill after the latest message; `windowTokens` null when the CLI has not told it. */
    context: z.object({ tokens: z.number().nonnegative(), windowTokens: z.number().positive().nullable() }),
    /** Sums over the whole session, over respawns. */
    totals: TokenTotals,
    costUsd: z.number().nonnegative(),
  }),
  notice: z.object({
    kind: z.enum([
      'model_source',
      'cli_version',
      'containment',
      'rate_limit',
      'hook',
      'compaction',
      'retry',
      'waiting',
      'permission',
      'trust',
      'info',
      'warning',
    ]),
    text: z.string(),
    data: z.record(z.string(), z.unknown()).optional(),
  }),
  /** A hook of the CLI's own settings runs. What it has to say to people is a notice of kind `hook`. */
  hook_started: z.object({
    turnId: TurnId.nullable(),
    hookId: z.string(),
    name: z.string(),
    event: z.string(),
  }),
  hook_ended: z.object({
    turnId: TurnId.nullable(),
    hookId: z.string(),
    name: z.string(),
    event: z.string(),
    outcome: z.enum(['success', 'failed', 'cancelled']),
    exitCode: z.int().nullable(),
  }),
  /** The CLI has said nothing for so long while nobody was asked for anything. */
  turn_stalled: z.object({ turnId: TurnId, silentMs: z.number().nonnegative() }),
  /** It says something again. */
  turn_resumed: z.object({ turnId: TurnId }),
  turn_ended: z.object({
    turnId: TurnId,
    stopReason: StopReason,
    /** A sentence for people when the turn failed. */
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    durationMs: z.number().nonnegative(),
    apiDurationMs: z.number().nonnegative(),
    costUsd: z.number().nonnegative(),
    usage: TokenTotals,
  }),
  turn_interrupted: z.object({ turnId: TurnId, delivered: z.boolean(), reason: z.string() }),
  owner_changed: z.object({ workerId: WorkerId.nullable(), fence: z.number().nonnegative() }),
  child_started: z.object({
    pid: z.int(),
    cliVersion: z.string().nullable(),
    modelSource: ModelSource,
    resumed: z.boolean(),
    containment: z.enum(['namespace', 'sweep']),
  }),
  child_parked: z.object({ reason: z.string() }),
  child_exited: z.object({
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
    /** True when we asked for it (close, park, restart); false is a death that people should see. */
    expected: z.boolean(),
    /** The first cause that led to the end. */
    cause: z.string(),
    stderrTail: z.string(),
  }),
  history_trimmed: z.object({ before: z.int().min(0) }),
  unknown: z.object({ turnId: TurnId.nullable(), source: z.string(), raw: z.unknown() }),
};

type Payloads = typeof payloads;
export type EventType = keyof Payloads;

/** A fact before it has its place in the log. */
export type EventBody = { [T in EventType]: { type: T } & z.infer<Payloads[T]> }[EventType];
export type EventBodyOf<T extends EventType> = { type: T } & z.infer<Payloads[T]>;

/** What every stored event carries: its offset, and when the owner wrote it (ms since 1970, for display only). */
const envelope = { offset: z.int().min(1), at: z.int().min(0) };

/** A fact at its place in the log: the stored frame. A merged delta spans offsets `offset`..`upTo`. */
export type SessionEvent = EventBody & {
  readonly offset: number;
  readonly at: number;
  readonly upTo?: number;
};

const options = Object.entries(payloads).map(([type, payload]) =>
  payload.extend({ type: z.literal(type), ...envelope, upTo: z.int().min(1).optional() }),
);

/** Parses a stored frame. Readers that must survive newer writers use {@link tryParseEvent}. */
export const SessionEvent = z.discriminatedUnion(
  'type',
  options as unknown as [(typeof options)[number], ...(typeof options)[number][]], // built from the table above
) as unknown as z.ZodType<SessionEvent>;

export const EVENT_TYPES = Object.keys(payloads) as readonly EventType[]; // keys of the table above

/** Events that are worth nothing once what they lead to is complete; they are not kept in the history. */
const TRANSIENT: ReadonlySet<EventType> = new Set<EventType>([
  'message_delta',
  'turn_stalled',
  'turn_resumed',
]);

/** Whether an event of this type is kept in the history stream after the log is trimmed. */
export function isHistoryEvent(type: EventType): boolean {
  return !TRANSIENT.has(type);
}

/** The event, or undefined for a shape this version does not know (a newer writer's). */
export function tryParseEvent(value: unknown): SessionEvent | undefined {
  const parsed = SessionEvent.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** The last offset an event covers: its own, or that of the last delta merged into it. */
export function lastOffsetOf(event: { readonly offset: number; readonly upTo?: number | undefined }): number {
  return event.upTo ?? event.offset;
}

/** JSON Schema sources for the generated documents: one schema per event type. */
export const eventSchemas: Readonly<Record<EventType, z.ZodType>> = payloads;
