// The rows of the conversation: finished messages with a subagent's steps under the call that started it, lines
// about what happened to the session, what streams now, and what is about to start. Pure.
import type { LocalPrompt, SessionSnapshot } from '@holdfast/client';
import type { Message, OpenBlock, PromptContent } from '@holdfast/shared/protocol';

export type ToolMessage = Extract<Message, { kind: 'tool' }>;

/** Something that happened to the session rather than in it; stands behind the message at `offset`. */
export interface Line {
  readonly offset: number;
  readonly text: string;
}

export type Row =
  | { readonly kind: 'message'; readonly key: string; readonly message: Exclude<Message, ToolMessage> }
  | {
      readonly kind: 'tool';
      readonly key: string;
      readonly message: ToolMessage;
      /** What the subagent did that this call started; empty for other tools. */
      readonly steps: readonly Message[];
    }
  | { readonly kind: 'line'; readonly key: string; readonly text: string }
  | { readonly kind: 'streaming'; readonly key: string; readonly block: OpenBlock }
  | {
      readonly kind: 'pending';
      readonly key: string;
      readonly promptId: string;
      readonly content: PromptContent;
      readonly state: LocalPrompt['state']['kind'];
      readonly error: string | null;
    };

/** Messages read from the history, and those of the view; of two versions of one the whole one stays. */
export function mergeMessages(older: readonly Message[], view: readonly Message[]): readonly Message[] {
  if (older.length === 0) return view;
  const whole = new Map(older.map((message) => [message.offset, message]));
  const first = view[0]?.offset ?? Number.POSITIVE_INFINITY;
  const before = older.filter((message) => message.offset < first);
  const shown = view.map((message) => uncut(message, whole.get(message.offset)));
  // A reset may leave a stretch out of the view that the history has.
  const known = new Set(view.map((message) => message.offset));
  const last = view.at(-1)?.offset ?? 0;
  const between = older.filter(({ offset }) => offset > first && offset < last && !known.has(offset));
  if (between.length === 0) return [...before, ...shown];
  return [...before, ...shown, ...between].toSorted((one, other) => one.offset - other.offset);
}

function uncut(message: Message, whole: Message | undefined): Message {
  if (whole === undefined || whole.kind !== message.kind) return message;
  if (message.kind === 'tool' && whole.kind === 'tool') {
    const takesOutput = message.truncated && whole.output.length > message.output.length;
    if (!takesOutput && !isClipped(message.input)) return message;
    const output = takesOutput ? { output: whole.output, truncated: whole.truncated } : {};
    return { ...message, input: whole.input, ...output };
  }
  return 'truncated' in message && message.truncated ? whole : message;
}

/** An input that was too long for a snapshot: its beginning as text. */
export function isClipped(input: unknown): input is { readonly truncated: string } {
  return (
    typeof input === 'object' &&
    input !== null &&
    Object.keys(input).length === 1 &&
    'truncated' in input &&
    typeof input.truncated === 'string'
  );
}

/** Rows of what is finished. Changes only when a message is added or changed, not with every delta. */
export function settledRows(messages: readonly Message[], lines: readonly Line[]): readonly Row[] {
  const stepsOf = new Map<string, Message[]>();
  const calls = new Set(messages.flatMap((row) => (row.kind === 'tool' ? [row.toolCallId] : [])));
  for (const message of messages) {
    const parent = parentOf(message);
    if (parent === null || !calls.has(parent)) continue;
    const steps = stepsOf.get(parent);
    if (steps === undefined) stepsOf.set(parent, [message]);
    else steps.push(message);
  }
  const rows: Row[] = [];
  const used = new Set<string>();
  const waiting = [...lines];
  const addLines = (before: number): void => {
    while (waiting[0] !== undefined && waiting[0].offset < before) {
      const line = waiting.shift();
      if (line !== undefined) rows.push({ kind: 'line', key: `line:${line.offset}`, text: line.text });
    }
  };
  for (const message of messages) {
    const parent = parentOf(message);
    if (parent !== null && calls.has(parent)) continue;
    addLines(message.offset);
    rows.push(rowOf(message, { used, steps: stepsOf }));
  }
  addLines(Number.POSITIVE_INFINITY);
  return rows;
}

function rowOf(message: Message, known: { used: Set<string>; steps: Map<string, Message[]> }): Row {
  if (message.kind === 'tool') {
    const steps = known.steps.get(message.toolCallId) ?? [];
    return { kind: 'tool', key: `t:${message.toolCallId}`, message, steps };
  }
  return { kind: 'message', key: uniqueKey(message, known.used), message };
}

/** A prompt keeps its key from the moment it is sent; a text keeps the key it had while it streamed. */
function uniqueKey(message: Exclude<Message, ToolMessage>, used: Set<string>): string {
  const wanted =
    message.kind === 'prompt' && message.promptId !== null
      ? `p:${message.promptId}`
      : 'block' in message
        ? blockKey(message)
        : `m:${message.offset}`;
  const key = used.has(wanted) ? `m:${message.offset}` : wanted;
  used.add(key);
  return key;
}

function parentOf(message: Message): string | null {
  return 'parentToolCallId' in message ? message.parentToolCallId : null;
}

function blockKey({ messageId, block }: { messageId: string; block: number }): string {
  return `b:${messageId}:${block}`;
}

/** Blocks that stream in the conversation itself, not in a subagent. */
export function streamingRows(blocks: readonly OpenBlock[]): readonly Row[] {
  return blocks
    .filter((block) => block.parentToolCallId === null)
    .map((block) => ({ kind: 'streaming', key: blockKey(block), block }));
}

type Waiting = Pick<SessionSnapshot, 'view' | 'local'>;

/**
 * What was sent and starts by itself right away stands in the conversation; what waits for a turn to end, or for
 * a person, stands in the queue.
 */
export function startsNow({ view }: Waiting): boolean {
  return view.turn === null && !view.queuePaused;
}

/** Prompts under way, in the conversation. Failed ones always stand here. */
export function pendingRows(snapshot: Waiting): readonly Row[] {
  const next = startsNow(snapshot) ? snapshot.view.queue.slice(0, 1) : [];
  const first = next.map((prompt): Row => ({
    kind: 'pending',
    key: `p:${prompt.promptId}`,
    promptId: prompt.promptId,
    content: prompt.content,
    state: 'accepted',
    error: null,
  }));
  return [...first, ...snapshot.local.map(localRow)];
}

function localRow({ promptId, content, state }: LocalPrompt): Row {
  const error = state.kind === 'failed' ? state.error.message : null;
  return {
    kind: 'pending',
    key: `p:${promptId}`,
    promptId,
    content,
    state: state.kind,
    error,
  };
}

/** The waiting prompts shown as cards. */
export function queueCards(snapshot: Waiting): SessionSnapshot['view']['queue'] {
  return startsNow(snapshot) ? snapshot.view.queue.slice(1) : snapshot.view.queue;
}
