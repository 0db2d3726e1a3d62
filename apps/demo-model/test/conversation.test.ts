// The conversations here have the shapes that CLI 2.1.197 was seen to send.
import { describe, expect, it } from 'vitest';
import { readSituation } from '../src/conversation.ts';
import type { Message } from '../src/request.ts';

type Block = Exclude<Message['content'], string>[number];

const text = (value: string): Block => ({ type: 'text', text: value });
const user = (...content: Block[]): Message => ({ role: 'user', content });
const assistant = (...content: Block[]): Message => ({ role: 'assistant', content });
const system = (content: string): Message => ({ role: 'system', content });
const toolUse: Block = { type: 'tool_use' };
const toolResult = (content: string): Block => ({ type: 'tool_result', content });
const reminder = text('<system-reminder>\nAs you answer …\n</system-reminder>\n\n');
const steerNote = (prompt: string): string =>
  `The user sent a new message while you were working:\n${prompt}\n\nIMPORTANT: After completing your current task, you MUST address the user's message above.`;

describe('the newest prompt', () => {
  it('is found behind reminders and before system messages', () => {
    const messages = [user(reminder, text('hello')), system('Available agent types …')];
    expect(readSituation(messages)).toEqual({ prompt: 'hello', steers: [], answersGiven: 0 });
  });

  it('is found in plain string content', () => {
    const messages: Message[] = [{ role: 'user', content: 'hello' }];
    expect(readSituation(messages).prompt).toBe('hello');
  });

  it('keeps all its text blocks together', () => {
    const messages = [user(text('one'), text('two'))];
    expect(readSituation(messages).prompt).toBe('one\ntwo');
  });

  it('is not mixed with an interrupted one in the same message', () => {
    const messages = [user(text('old [[cut]]\n'), text('[Request interrupted by user]\n'), text('new'))];
    expect(readSituation(messages).prompt).toBe('new');
  });

  it('is not mixed with one that failed before any answer', () => {
    const messages = [user(text('failed\n'), text('failed too\n'), text('new'))];
    expect(readSituation(messages).prompt).toBe('new');
  });

  it('is found behind the result of an interrupted tool', () => {
    const messages = [
      user(text('old')),
      assistant(toolUse),
      user(toolResult('rejected'), text('[Request interrupted by user for tool use]\n'), text('new one')),
    ];
    expect(readSituation(messages)).toEqual({ prompt: 'new one', steers: [], answersGiven: 0 });
  });

  it('is not an image note, an expanded command line or a summary', () => {
    const messages = [
      user(text('This session is being continued from a previous conversation that …\n')),
      user(
        text('<command-message>foo</command-message>\n<command-name>/foo</command-name>\n'),
        text('do foo\n'),
      ),
      user(text('[Image: original 3000x2000, displayed at 2000x1333.]')),
    ];
    expect(readSituation(messages).prompt).toBe('do foo');
  });
});

describe('answers since the prompt', () => {
  it('are counted over tool results and notes of the CLI', () => {
    const messages = [
      user(text('earlier')),
      assistant(text('earlier answer')),
      user(text('go')),
      assistant(text('a'), toolUse),
      user(toolResult('ok'), text('<system-reminder>\nhook\n</system-reminder>')),
      assistant(text('b')),
      user(text('Output token limit hit. Resume directly …')),
      assistant(text('c')),
      user(text('<task-notification>\n<task-id>x</task-id>')),
      assistant(text('d')),
      user(text('Stop hook feedback:\n[…]: keep going\n')),
    ];
    expect(readSituation(messages)).toEqual({ prompt: 'go', steers: [], answersGiven: 4 });
  });

  it('stay the same when the CLI drops its notes between two answers', () => {
    const messages = [user(text('go')), assistant(text('b')), assistant(text('c'))];
    expect(readSituation(messages).answersGiven).toBe(2);
  });
});

describe('a prompt delivered into the running turn', () => {
  const before = [user(text('go')), assistant(toolUse)];

  it.each([
    ['a system message', [user(toolResult('ok')), system(steerNote('look here'))]],
    [
      'a reminder in the tool result',
      [user(toolResult(`ok\n\n<system-reminder>\n${steerNote('look here')}\n</system-reminder>`))],
    ],
    [
      'a reminder behind the tool result',
      [user(toolResult('ok'), text(`<system-reminder>\n${steerNote('look here')}\n</system-reminder>`))],
    ],
  ])('is seen as %s, and the turn keeps its own prompt', (_where, messages) => {
    expect(readSituation([...before, ...messages])).toEqual({
      prompt: 'go',
      steers: ['look here'],
      answersGiven: 1,
    });
  });

  it('is forgotten with the next prompt', () => {
    const messages = [
      ...before,
      user(toolResult('ok')),
      system(steerNote('x')),
      assistant(),
      user(text('next')),
    ];
    expect(readSituation(messages)).toEqual({ prompt: 'next', steers: [], answersGiven: 0 });
  });
});
