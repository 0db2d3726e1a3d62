// The messages of a view: adding one, cutting texts, dropping the oldest when the bounds are reached.
import { contentText } from './content.ts';
import type { Message, SessionView } from './session-view.ts';

/** How much a view may hold. The worker's snapshots use {@link SNAPSHOT_LIMITS}; a client may keep everything. */
export interface ViewLimits {
  readonly maxMessages: number;
  readonly maxMessagesBytes: number;
  /** Longest text kept of one message, block or queued prompt. */
  readonly maxTextChars: number;
}

/** A snapshot stays under 64 KB: messages get 32 KB, the rest is for open blocks, queue and approvals. */
export const SNAPSHOT_LIMITS: ViewLimits = { maxMessages: 50, maxMessagesBytes: 32_000, maxTextChars: 2_000 };
export const NO_LIMITS: ViewLimits = {
  maxMessages: Number.POSITIVE_INFINITY,
  maxMessagesBytes: Number.POSITIVE_INFINITY,
  maxTextChars: Number.POSITIVE_INFINITY,
};

/** The part of a view that changes with its messages. */
export type MessageChange = Pick<SessionView, 'messages' | 'messagesBytes' | 'messagesDropped'>;

export function promptMessage(
  from: {
    offset: number;
    turnId: Message['turnId'];
    promptId: SessionView['queue'][number]['promptId'] | null;
    text: string;
  },
  limits: ViewLimits,
): Message {
  const { offset, turnId, promptId, text } = from;
  return { kind: 'prompt', offset, turnId, promptId, ...clip(text, limits) };
}

export function pushed(view: SessionView, message: Message, limits: ViewLimits): MessageChange {
  return bounded(
    {
      messages: [...view.messages, message],
      messagesBytes: view.messagesBytes + bytesOf(message),
      messagesDropped: view.messagesDropped,
    },
    limits,
  );
}

/** Drops the oldest messages until the rest fits. What was dropped once would be dropped by any later fold. */
export function bounded(
  view: Pick<SessionView, 'messages' | 'messagesBytes' | 'messagesDropped'>,
  limits: ViewLimits,
): MessageChange {
  let bytes = view.messagesBytes;
  let drop = Math.max(0, view.messages.length - limits.maxMessages);
  for (const message of view.messages.slice(0, drop)) bytes -= bytesOf(message);
  while (bytes > limits.maxMessagesBytes && drop < view.messages.length) {
    const oldest = view.messages[drop];
    if (oldest !== undefined) bytes -= bytesOf(oldest);
    drop += 1;
  }
  return {
    messages: drop === 0 ? view.messages : view.messages.slice(drop),
    messagesBytes: bytes,
    messagesDropped: view.messagesDropped + drop,
  };
}

const encoder = new TextEncoder();

/** Bytes of a message as JSON, without its changing `state`, so that a lost tool call counts the same. */
export function bytesOf(message: Message): number {
  const counted = message.kind === 'tool' ? { ...message, state: '' } : message;
  return encoder.encode(JSON.stringify(counted)).length;
}

export function clip(text: string, limits: ViewLimits): { text: string; truncated: boolean } {
  return text.length <= limits.maxTextChars
    ? { text, truncated: false }
    : { text: text.slice(0, limits.maxTextChars), truncated: true };
}

export function clipContent(
  content: SessionView['queue'][number]['content'],
  limits: ViewLimits,
): typeof content {
  const text = contentText(content);
  return text.length <= limits.maxTextChars
    ? content
    : [{ type: 'text', text: text.slice(0, limits.maxTextChars) }];
}

export function clipJson(value: unknown, limits: ViewLimits): unknown {
  const json = JSON.stringify(value) ?? 'null';
  return json.length <= limits.maxTextChars ? value : { truncated: json.slice(0, limits.maxTextChars) };
}
