import { describe, expect, it } from 'vitest';
import { EMPTY_VIEW, Message, PromptId, type SessionView } from '@holdfast/shared/protocol';
import { mergeMessages, pendingRows, queueCards, settledRows } from '../../src/model/rows.ts';

const text = (offset: number, said: string, more: Record<string, unknown> = {}): Message =>
  Message.parse({
    ...{ kind: 'text', offset, turnId: null, messageId: `m${offset}`, block: 0, parentToolCallId: null },
    ...{ text: said, truncated: false },
    ...more,
  });
const tool = (offset: number, toolCallId: string, more: Record<string, unknown> = {}): Message =>
  Message.parse({
    ...{ kind: 'tool', offset, turnId: null, messageId: `m${offset}`, toolCallId, parentToolCallId: null },
    ...{ name: 'Bash', input: {}, state: 'done', output: '', truncated: false },
    ...more,
  });
const queued = (id: string): SessionView['queue'][number] => ({
  promptId: PromptId.parse(id),
  content: [{ type: 'text', text: id }],
  by: EMPTY_VIEW.userId ?? ('local' as SessionView['queue'][number]['by']), // a user id
});

describe('messages of the history and of the view', () => {
  it('are one list in order, each once, and the whole text wins over one that was cut', () => {
    const older = [text(1, 'first'), text(5, 'the whole long text')];
    const view = [text(5, 'the whole', { truncated: true }), text(9, 'new')];
    expect(mergeMessages(older, view).map((message) => 'text' in message && message.text)).toEqual([
      'first',
      'the whole long text',
      'new',
    ]);
  });

  it('keep the newer state of a tool call, with the whole input and output', () => {
    const older = [tool(3, 't', { state: 'running', input: { command: 'ls' }, output: '' })];
    const view = [tool(3, 't', { state: 'done', input: { truncated: '{"comm' }, output: 'a' })];
    expect(mergeMessages(older, view)).toMatchObject([
      { state: 'done', input: { command: 'ls' }, output: 'a' },
    ]);
  });

  it('that only the history has stand in their place', () => {
    const merged = mergeMessages([text(4, 'skipped')], [text(1, 'a'), text(9, 'b')]);
    expect(merged.map(({ offset }) => offset)).toEqual([1, 4, 9]);
  });
});

describe('rows', () => {
  it('of a subagent stand under the call that started it', () => {
    const rows = settledRows(
      [tool(1, 'task', { name: 'Task' }), text(2, 'inside', { parentToolCallId: 'task' }), text(3, 'after')],
      [],
    );
    expect(rows.map(({ kind }) => kind)).toEqual(['tool', 'message']);
    expect(rows[0]).toMatchObject({ steps: [{ text: 'inside' }] });
  });

  it('of a subagent whose call is not known yet are shown all the same', () => {
    expect(settledRows([text(2, 'inside', { parentToolCallId: 'gone' })], [])).toHaveLength(1);
  });

  it('have keys of their own, and lines about the session stand where they happened', () => {
    const rows = settledRows([text(1, 'a'), text(5, 'b')], [{ offset: 3, text: 'another worker' }]);
    expect(rows.map(({ kind }) => kind)).toEqual(['message', 'line', 'message']);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(3);
  });
});

describe('prompts under way', () => {
  const local = [] as const;
  it('that start by themselves right away stand in the conversation, the others wait as cards', () => {
    const view = { ...EMPTY_VIEW, queue: [queued('one'), queued('two')] };
    expect(pendingRows({ view, local }).map((row) => row.key)).toEqual(['p:one']);
    expect(queueCards({ view, local }).map(({ promptId }) => promptId)).toEqual(['two']);
  });

  it('behind a paused queue all wait', () => {
    const view = { ...EMPTY_VIEW, queue: [queued('one')], queuePaused: true };
    expect(pendingRows({ view, local })).toEqual([]);
    expect(queueCards({ view, local })).toHaveLength(1);
  });
});
