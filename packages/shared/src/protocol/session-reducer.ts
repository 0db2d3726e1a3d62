// The one reducer: worker (snapshots), client (what people see) and tests fold events with it.
// Pure. fold(live) = fold(replay): a delta merged from several, or left out because its block is complete,
// leads to the same view.
import { contentText } from './content.ts';
import { lastOffsetOf, type EventBodyOf, type SessionEvent } from './event.ts';
import {
  bounded,
  bytesOf,
  clip,
  clipContent,
  clipJson,
  NO_LIMITS,
  promptMessage,
  pushed,
  type ViewLimits,
} from './session-messages.ts';
import type { Message, OpenBlock, PendingApproval, SessionView } from './session-view.ts';
import { waitingAfter } from './session-waiting.ts';

/** Tasks that a view names (of more, the oldest are left out), and the length of what each is described by. */
const MAX_TASKS = 20;
const MAX_TASK_CHARS = 200;

/** Folds one event into the view. Events at or below the view's offset change nothing. */
export function applyEvent(
  view: SessionView,
  event: SessionEvent,
  limits: ViewLimits = NO_LIMITS,
): SessionView {
  const last = lastOffsetOf(event);
  if (last <= view.offset) return view;
  const changed = { ...view, ...changeOf(view, event, limits), offset: last, updatedAt: event.at };
  return { ...changed, ...waitingAfter(changed, event) };
}

type Change = Partial<SessionView>;
/** View, event and limits: what every step below looks at. */
type Step<T extends SessionEvent['type']> = (
  view: SessionView,
  event: Extract<SessionEvent, { type: T }>,
  limits: ViewLimits,
) => Change;

const steps: { readonly [T in SessionEvent['type']]: Step<T> } = {
  session_created: (_view, event) => ({
    userId: event.userId,
    title: event.title,
    cwd: event.cwd,
    settings: event.settings,
    createdAt: event.at,
  }),
  settings_changed: (_view, event) => ({
    settings: event.settings,
    title: event.title,
    archived: event.archived ?? false,
  }),
  prompt_queued: (view, event, limits) => ({
    title: view.title ?? titleOf(contentText(event.content)),
    queuePaused: false,
    queue: [...view.queue, queuedFrom(event, limits)],
  }),
  prompt_edited: (view, event, limits) => ({
    queue: view.queue.map((prompt) =>
      prompt.promptId === event.promptId
        ? { ...prompt, content: clipContent(event.content, limits) }
        : prompt,
    ),
  }),
  prompt_moved: (view, event) => ({ queue: moved(view.queue, event) }),
  prompt_cancelled: (view, event) => withoutPrompt(view, event.promptId),
  prompt_steered: (view, event) => ({
    queue: view.queue.map((prompt) =>
      prompt.promptId === event.promptId ? { ...prompt, steering: true as const } : prompt,
    ),
  }),
  prompt_injected: (view, event, limits) => {
    const prompt = view.queue.find((queued) => queued.promptId === event.promptId);
    const content = event.content ?? prompt?.content;
    const text = content === undefined ? '' : contentText(content);
    return {
      ...withoutPrompt(view, event.promptId),
      ...pushed(view, promptMessage({ ...event, text }, limits), limits),
    };
  },
  prompt_returned: (view, event, limits) => ({
    queue: [queuedFrom(event, limits), ...view.queue.filter((prompt) => prompt.promptId !== event.promptId)],
    queuePaused: event.paused,
  }),
  queue_resumed: () => ({ queuePaused: false }),
  abort_requested: (view, event) => ({
    queue: event.queue === 'clear' ? [] : view.queue,
    queuePaused: event.queue === 'keep' && view.queue.length > 0,
  }),
  turn_started: (view, event, limits) => ({
    turn: { turnId: event.turnId, promptId: event.promptId, startedAt: event.at, stalled: false },
    queue: view.queue.filter((prompt) => prompt.promptId !== event.promptId),
    // A turn that the CLI began by itself says nothing about the queue.
    queuePaused: event.promptId === null ? view.queuePaused : false,
    openBlocks: [],
    ...(event.content === null
      ? {}
      : pushed(view, promptMessage({ ...event, text: contentText(event.content) }, limits), limits)),
  }),
  message_delta: (view, event, limits) => ({
    openBlocks: withDelta(view.openBlocks, event, limits),
    turn: unstalled(view),
  }),
  message_completed: (view, event, limits) => ({
    openBlocks: withoutBlock(view.openBlocks, event),
    turn: unstalled(view),
    ...pushed(
      view,
      {
        kind: event.kind,
        offset: event.offset,
        turnId: event.turnId,
        messageId: event.messageId,
        block: event.block,
        parentToolCallId: event.parentToolCallId ?? null,
        ...clip(event.text, limits),
      },
      limits,
    ),
  }),
  message_discarded: (view, event) => ({ openBlocks: withoutBlock(view.openBlocks, event) }),
  tool_call_started: (view, event, limits) => ({
    openBlocks: withoutBlock(view.openBlocks, event),
    turn: unstalled(view),
    ...pushed(
      view,
      {
        kind: 'tool',
        offset: event.offset,
        turnId: event.turnId,
        messageId: event.messageId,
        toolCallId: event.toolCallId,
        parentToolCallId: event.parentToolCallId ?? null,
        name: event.name,
        input: clipJson(event.input, limits),
        state: 'running',
        output: '',
        truncated: false,
      },
      limits,
    ),
  }),
  tool_call_completed: (view, event, limits) => ({
    turn: unstalled(view),
    ...withResult(view, event, limits),
  }),
  task_started: (view, event) => ({
    tasks: [
      ...view.tasks.filter((task) => task.taskId !== event.taskId),
      {
        taskId: event.taskId,
        toolCallId: event.toolCallId,
        kind: event.kind,
        description: event.description.slice(0, MAX_TASK_CHARS),
        startedAt: event.at,
      },
    ].slice(-MAX_TASKS),
  }),
  task_ended: (view, event) => ({ tasks: view.tasks.filter((task) => task.taskId !== event.taskId) }),
  approval_requested: (view, event, limits) => ({
    approvals: [...view.approvals, pendingFrom(event, limits)],
    turn: unstalled(view),
  }),
  approval_resolved: (view, event) => ({
    approvals: view.approvals.filter((approval) => approval.approvalId !== event.approvalId),
    settings: settingsAfter(view.settings, event),
  }),
  bypass_changed: (_view, event) => ({
    bypass: event.until === null ? null : { until: event.until, by: event.by },
  }),
  usage_updated: (_view, event) => ({
    usage: {
      contextTokens: event.context.tokens,
      windowTokens: event.context.windowTokens,
      totals: event.totals,
      costUsd: event.costUsd,
    },
  }),
  notice: (view, event, limits) =>
    pushed(
      view,
      {
        kind: 'notice',
        offset: event.offset,
        turnId: view.turn?.turnId ?? null,
        notice: event.kind,
        text: clip(event.text, limits).text,
      },
      limits,
    ),
  hook_started: () => ({}),
  hook_ended: () => ({}),
  turn_resumed: (view) => ({ turn: unstalled(view) }),
  turn_stalled: (view) => ({ turn: view.turn === null ? null : { ...view.turn, stalled: true } }),
  turn_ended: (view, event, limits) =>
    turnOver(
      view,
      { ...event, stopReason: event.stopReason, delivered: true, error: event.error?.message ?? null },
      limits,
    ),
  turn_interrupted: (view, event, limits) =>
    turnOver(view, { ...event, stopReason: 'interrupted', error: event.reason }, limits),
  // A new owner never inherits a child: the last owner's is gone.
  owner_changed: (view, event) => ({
    owner: { workerId: event.workerId, fence: event.fence },
    ...(view.child.state === 'running'
      ? { child: { state: 'none' as const }, tasks: [], messages: withLostTools(view) }
      : {}),
  }),
  child_started: (_view, event) => ({
    child: {
      state: 'running',
      pid: event.pid,
      cliVersion: event.cliVersion,
      modelSource: event.modelSource,
      containment: event.containment,
      startedAtOffset: event.offset,
      turns: 0,
    },
  }),
  child_parked: (_view, event) => ({ child: { state: 'parked', reason: event.reason }, tasks: [] }),
  child_exited: (view, event) => ({
    child: { state: 'exited', cause: event.cause, expected: event.expected },
    tasks: [],
    messages: withLostTools(view),
  }),
  history_trimmed: () => ({}),
  unknown: () => ({}),
};

function changeOf(view: SessionView, event: SessionEvent, limits: ViewLimits): Change {
  const step = steps[event.type] as Step<SessionEvent['type']>; // the table is keyed by the event's own type
  return step(view, event, limits);
}

function turnOver(
  view: SessionView,
  end: {
    offset: number;
    turnId: NonNullable<Message['turnId']>;
    stopReason: Extract<Message, { kind: 'turn_end' }>['stopReason'];
    delivered: boolean;
    error: string | null;
  },
  limits: ViewLimits,
): Change {
  const { offset, turnId, stopReason, delivered, error } = end;
  const child = view.child.state === 'running' ? { ...view.child, turns: view.child.turns + 1 } : view.child;
  return {
    turn: null,
    openBlocks: [],
    child,
    turnsEnded: view.turnsEnded + 1,
    ...pushed(view, { kind: 'turn_end', offset, turnId, stopReason, delivered, error }, limits),
  };
}

function pendingFrom(event: EventBodyOf<'approval_requested'>, limits: ViewLimits): PendingApproval {
  const { approvalId, turnId, toolCallId, tool, input, ...rest } = event;
  const { agentId, kind, inputDigest, rules, reason, expiresAt } = rest;
  const optional = { agentId, kind, inputDigest, rules, reason, expiresAt };
  const given = Object.entries(optional).filter(([, value]) => value !== undefined);
  return {
    ...{ approvalId, turnId, toolCallId, tool },
    input: clipJson(input, limits),
    ...Object.fromEntries(given),
  };
}

/** Most rules of a session: further ones hold for the agent that runs, and are asked for again after it. */
const MAX_RULES = 200;

/** What a decision leaves behind for the rest of the session: rules, and the mode that a plan is carried out in. */
function settingsAfter(
  settings: SessionView['settings'],
  { scope, rules = [], mode }: EventBodyOf<'approval_resolved'>,
): SessionView['settings'] {
  const added = scope === 'session' ? rules.filter((rule) => !settings.allowedTools.includes(rule)) : [];
  if (added.length === 0 && mode === undefined) return settings;
  const allowedTools = [...settings.allowedTools, ...added].slice(0, MAX_RULES);
  return { ...settings, allowedTools, permissionMode: mode ?? settings.permissionMode };
}

/** Tool calls that were running ended with their child. */
function withLostTools(view: SessionView): Message[] {
  return view.messages.map((message) =>
    message.kind === 'tool' && message.state === 'running' ? { ...message, state: 'lost' } : message,
  );
}

function unstalled(view: SessionView): SessionView['turn'] {
  return view.turn?.stalled === true ? { ...view.turn, stalled: false } : view.turn;
}

function withoutPrompt(view: SessionView, promptId: string): Change {
  return { queue: view.queue.filter((prompt) => prompt.promptId !== promptId) };
}

function queuedFrom(
  event: Pick<SessionView['queue'][number], 'promptId' | 'content' | 'by'>,
  limits: ViewLimits,
): SessionView['queue'][number] {
  return { promptId: event.promptId, content: clipContent(event.content, limits), by: event.by };
}

function moved(queue: SessionView['queue'], event: EventBodyOf<'prompt_moved'>): SessionView['queue'] {
  const prompt = queue.find((queued) => queued.promptId === event.promptId);
  if (prompt === undefined) return queue;
  const rest = queue.filter((queued) => queued.promptId !== event.promptId);
  const found = rest.findIndex((queued) => queued.promptId === event.before);
  return rest.toSpliced(found === -1 ? rest.length : found, 0, prompt);
}

function withDelta(
  blocks: readonly OpenBlock[],
  event: EventBodyOf<'message_delta'>,
  limits: ViewLimits,
): OpenBlock[] {
  const index = blocks.findIndex((open) => isSameBlock(open, event));
  const open: OpenBlock = blocks[index] ?? {
    messageId: event.messageId,
    block: event.block,
    kind: event.kind,
    parentToolCallId: event.parentToolCallId ?? null,
    text: '',
    truncated: false,
  };
  const room = limits.maxTextChars - open.text.length;
  const next =
    event.text.length <= room
      ? { ...open, text: open.text + event.text }
      : { ...open, text: open.text + event.text.slice(0, Math.max(0, room)), truncated: true };
  return index === -1 ? [...blocks, next] : blocks.with(index, next);
}

function withoutBlock(
  blocks: OpenBlock[],
  key: { readonly messageId: string; readonly block: number },
): OpenBlock[] {
  return blocks.some((open) => isSameBlock(open, key))
    ? blocks.filter((open) => !isSameBlock(open, key))
    : blocks;
}

function isSameBlock(
  one: { readonly messageId: string; readonly block: number },
  other: { readonly messageId: string; readonly block: number },
): boolean {
  return one.messageId === other.messageId && one.block === other.block;
}

function withResult(
  view: SessionView,
  event: EventBodyOf<'tool_call_completed'>,
  limits: ViewLimits,
): Change {
  const index = view.messages.findLastIndex(
    (message) => message.kind === 'tool' && message.toolCallId === event.toolCallId,
  );
  const message = view.messages[index];
  if (message?.kind !== 'tool') return {};
  const output = clip(event.output, limits);
  const next: Message = {
    ...message,
    state: event.isError ? 'failed' : 'done',
    output: output.text,
    truncated: output.truncated || event.truncated,
  };
  const bytes = view.messagesBytes - bytesOf(message) + bytesOf(next);
  return bounded({ ...view, messages: view.messages.with(index, next), messagesBytes: bytes }, limits);
}

/** The default title: the first line of the first prompt, at most 80 characters. */
function titleOf(text: string): string {
  const line = text.trim().split('\n')[0] ?? '';
  return line.length <= 80 ? line : `${line.slice(0, 79)}…`;
}
