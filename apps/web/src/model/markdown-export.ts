// A conversation as a Markdown text, to copy or to keep.
import type { Message } from '@holdfast/shared/protocol';
import { faceOf } from './tool-kind.ts';

export function toMarkdown(title: string, messages: readonly Message[]): string {
  const parts = messages.map(partOf).filter((part) => part !== '');
  return `${[`# ${title}`, ...parts].join('\n\n')}\n`;
}

function partOf(message: Message): string {
  switch (message.kind) {
    case 'prompt':
      return `## You\n\n${message.text}`;
    case 'text':
      return message.text;
    case 'tool': {
      const { name, headline } = faceOf(message.name, message.input);
      const output = message.output.trim();
      return [`**${name}** ${headline}`.trim(), ...(output === '' ? [] : [fenced(output)])].join('\n\n');
    }
    case 'turn_end':
      return message.error === null ? '' : `> ${message.error}`;
    case 'thinking':
    case 'notice':
      return '';
  }
}

/** A fence longer than any in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
