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
  /** Number of prompts before this one: tells two equal prompts of one conversation apart. */
  readonly ordinal: number;
}

// Texts the CLI puts into user messages by itself, as seen from version 2.1.197.
const generated = [
  /^<(?:system-reminder|task-notification|local-command-[a-z]+|command-[a-z]+|bash-[a-z]+)>/u,
  /^\[Request interrupted by user/u,
  /^\[Image[: ]/u,
  /^This session is being continued from a previous conversation/u,
  /^Continue from where you left off\./u,
  /^Output token limit hit\./u,
  /^Stop hook feedback/u,
];

const steerNote =
  /^The user sent a new message while you were working:\n([\s\S]*?)(?:\n\nIMPORTANT: [\s\S]*)?$/u;

/** Reads the situation out of the messages. Pure. */
export function readSituation(messages: readonly Message[]): Situation {
  const situation = { prompt: '', steers: [] as string[], answersGiven: 0, ordinal: -1 };
  let previous: Message['role'] | undefined;
  for (const message of messages) {
    if (message.role === 'assistant' && previous !== 'assistant') situation.answersGiven++;
    for (const entry of readEntries(message)) {
      if (entry.kind === 'steer') situation.steers.push(entry.text);
      else {
        situation.prompt = entry.text;
        situation.steers = [];
        situation.answersGiven = 0;
        situation.ordinal++;
      }
    }
    previous = message.role;
  }
  return { ...situation, ordinal: Math.max(0, situation.ordinal) };
}

interface Entry {
  readonly kind: 'prompt' | 'steer';
  readonly text: string;
}

function readEntries(message: Message): Entry[] {
  if (message.role === 'assistant') return [];
  const blocks =
    typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
  const entries: Entry[] = [];
  let parts: string[] = [];
  const endPrompt = (): void => {
    if (parts.length > 0) entries.push({ kind: 'prompt', text: parts.join('\n').trim() });
    parts = [];
  };
  for (const { type, text = '' } of blocks) {
    if (type !== 'text') continue;
    const steer = steerNote.exec(unwrapReminder(text))?.[1];
    if (steer !== undefined) {
      endPrompt();
      entries.push({ kind: 'steer', text: steer.trim() });
    } else if (message.role === 'user' && text.trim() !== '' && !generated.some((form) => form.test(text))) {
      parts.push(text);
      // The CLI joins the blocks of several user messages into one and ends each message's last block with \n.
      if (text.endsWith('\n')) endPrompt();
    } else endPrompt();
  }
  endPrompt();
  return entries;
}

function unwrapReminder(text: string): string {
  return /^<system-reminder>\n([\s\S]*?)\n<\/system-reminder>\s*$/u.exec(text)?.[1] ?? text;
}
