// Finds, in the conversation that the CLI sends with every call, the newest real prompt and how many
// answers it has had. All state of a script comes from here, so a restart of the demo model changes nothing.
import type { Message } from './request.ts';

/** Where a conversation stands. */
export interface Situation {
  /** The newest text a person (or the caller of a subagent) wrote; empty if there is none. */
  readonly prompt: string;
  /** Prompts delivered into the running turn, oldest first. */
  readonly steers: readonly string[];
  /** How many answers were given since the prompt. */
  readonly answersGiven: number;
}

// Texts the CLI (2.1.197) puts into user messages by itself.
const generated = [
  /^<(?:system-reminder|task-notification|local-command-[a-z]+|command-[a-z]+|bash-[a-z]+)>/u,
  /^\[Request interrupted by user/u,
  /^\[Image[: ]/u,
  /^This session is being continued from a previous conversation/u,
  /^Continue from where you left off\./u,
  /^Output token limit hit\./u,
  /^\[Your previous response had no visible output\./u,
  /^Stop hook feedback/u,
];

// How a prompt reaches a running turn: alone in a system message, or as a reminder inside a user message
// or at the end of a tool result, depending on the model.
const steerNote =
  /The user sent a new message while you were working:\n([\s\S]*?)\n\nIMPORTANT: After completing/gu;

/** Reads the situation out of the messages. Pure. */
export function readSituation(messages: readonly Message[]): Situation {
  const situation = { prompt: '', steers: [] as string[], answersGiven: 0 };
  for (const message of messages) {
    // The CLI sends one message for each answer; it may drop its own notes between two of them.
    if (message.role === 'assistant') situation.answersGiven++;
    else if (message.role === 'system') situation.steers.push(...readSteers(textOf(message.content)));
    else {
      for (const entry of readUserMessage(message)) {
        if (entry.kind === 'steers') situation.steers.push(...entry.texts);
        else Object.assign(situation, { prompt: entry.text, steers: [], answersGiven: 0 });
      }
    }
  }
  return situation;
}

type Entry =
  | { readonly kind: 'prompt'; readonly text: string }
  | { readonly kind: 'steers'; readonly texts: readonly string[] };

/**
 * The CLI merges user messages that follow one another (a prompt that was interrupted or failed, then the next one)
 * and ends the last block of each with a line break: that is where one prompt ends and another may start.
 */
function readUserMessage(message: Message): Entry[] {
  const entries: Entry[] = [];
  let parts: string[] = [];
  const endPrompt = (): void => {
    if (parts.length > 0) entries.push({ kind: 'prompt', text: parts.join('\n').trim() });
    parts = [];
  };
  for (const block of blocksOf(message.content)) {
    const text = block.text ?? '';
    if (block.type === 'tool_result') {
      endPrompt();
      entries.push({ kind: 'steers', texts: readSteers(textOf(block.content ?? '')) });
    } else if (generated.some((form) => form.test(text))) {
      endPrompt();
      entries.push({ kind: 'steers', texts: readSteers(text) });
    } else if (block.type === 'text' && text.trim() !== '') {
      parts.push(text);
      if (text.endsWith('\n')) endPrompt();
    }
  }
  endPrompt();
  return entries;
}

function readSteers(text: string): string[] {
  return Array.from(text.matchAll(steerNote), (match) => (match[1] ?? '').trim());
}

function blocksOf(content: Message['content']): Exclude<Message['content'], string> {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

function textOf(content: string | readonly { readonly text?: string | undefined }[]): string {
  return typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('\n');
}
