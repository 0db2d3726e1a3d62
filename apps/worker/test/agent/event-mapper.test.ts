import { describe, expect, it } from 'vitest';
import { EventMapper } from '../../src/agent/event-mapper.ts';
import { FRESH, mapAll, only, play, turnId } from './mapping.ts';
import { messagesOf } from './recorded.ts';

describe('a recorded text turn', () => {
  const { events, signals } = play('text');

  it('deltas carry the message and block that the completed text closes [D-09] [H-01]', () => {
    expect(events.slice(0, -1)).toEqual([
      { type: 'message_delta', turnId, messageId: 'msg_2', block: 0, kind: 'thinking', text: 'hm' },
      { type: 'message_completed', turnId, messageId: 'msg_2', block: 0, kind: 'thinking', text: 'hm' },
      { type: 'message_delta', turnId, messageId: 'msg_2', block: 1, kind: 'text', text: 'hello' },
      { type: 'message_delta', turnId, messageId: 'msg_2', block: 1, kind: 'text', text: ' you' },
      { type: 'message_completed', turnId, messageId: 'msg_2', block: 1, kind: 'text', text: 'hello you' },
    ]);
  });

  it('usage comes before the end of the turn: context and totals are two numbers [H-04]', () => {
    expect(events.at(-1)).toEqual({
      type: 'usage_updated',
      context: { tokens: 4 + 21_845 + 3, windowTokens: 1_000_000 },
      totals: { inputTokens: 4, outputTokens: 3, cacheReadTokens: 0, cacheCreationTokens: 21_845 },
      costUsd: 0.13662625,
    });
  });

  it('the session learns where the turn begins, that its prompt arrived, and where it ends', () => {
    expect(signals).toEqual([
      { kind: 'state', state: 'running' },
      {
        kind: 'turn_began',
        cliSessionId: '00000000-0000-4000-8000-000000000001',
        cliVersion: '2.1.197',
      },
      { kind: 'prompt_acknowledged', uuid: '00000000-0000-4000-8000-000000000003' },
      { kind: 'turn_over', result: expect.objectContaining({ result: 'hello you', duration_ms: 159 }) },
      { kind: 'state', state: 'idle' },
    ]);
  });
});

describe('tools', () => {
  it('a call and its result become typed events [H-01]', () => {
    const { events } = play('tool');
    expect(only(events, 'tool_call_started')).toEqual([
      {
        type: 'tool_call_started',
        turnId,
        messageId: 'msg_5',
        block: 1,
        toolCallId: 'toolu_8',
        name: 'Bash',
        input: { command: 'echo hi' },
      },
    ]);
    expect(only(events, 'tool_call_completed')).toEqual([
      {
        type: 'tool_call_completed',
        turnId,
        toolCallId: 'toolu_8',
        isError: false,
        output: 'hi',
        truncated: false,
      },
    ]);
    expect(only(events, 'message_delta').filter((delta) => delta.kind === 'tool_input')).toEqual([
      {
        type: 'message_delta',
        turnId,
        messageId: 'msg_5',
        block: 1,
        kind: 'tool_input',
        text: '{"command":"echo hi"}',
      },
    ]);
  });

  it('a permission request is a signal; the echo of our own answer is nothing', () => {
    const { events, signals } = play('permissionAsked');
    expect(signals).toEqual([
      {
        kind: 'control_request',
        requestId: '00000000-0000-4000-8000-000000000016',
        request: expect.objectContaining({ subtype: 'can_use_tool', tool_name: 'Bash' }),
      },
    ]);
    expect(events).toEqual([
      {
        type: 'tool_call_completed',
        turnId,
        toolCallId: 'toolu_15',
        isError: true,
        output: 'nope',
        truncated: false,
      },
    ]);
  });

  it('a withdrawn permission request is a signal', () => {
    const mapper = new EventMapper(FRESH);
    expect(mapper.map({ type: 'control_cancel_request', request_id: 'r1' }, turnId)).toEqual({
      events: [],
      signals: [{ kind: 'control_cancel', requestId: 'r1' }],
    });
  });

  it('a long result is cut, and says so', () => {
    const content = [{ type: 'tool_result', tool_use_id: 't', content: 'x'.repeat(100_001) }];
    const { events } = mapAll(new EventMapper(FRESH), [{ type: 'user', message: { content } }]);
    expect(events).toMatchObject([{ type: 'tool_call_completed', truncated: true, isError: false }]);
    expect(only(events, 'tool_call_completed')[0]?.output).toHaveLength(100_000);
  });

  it("a subagent's own blocks keep the call they belong to and do not disturb the main stream [H-01]", () => {
    const { events } = play('subagent');
    expect(only(events, 'message_discarded')).toEqual([]);
    const mapper = new EventMapper(FRESH);
    const from = (parent: string | null, id: string, text: string): unknown => ({
      type: 'assistant',
      parent_tool_use_id: parent,
      message: { id, content: [{ type: 'text', text }], usage: { input_tokens: 9 } },
    });
    const mapped = mapAll(mapper, [
      from(null, 'm1', 'a'),
      from('toolu_22', 'm2', 'b'),
      from(null, 'm1', 'c'),
    ]);
    expect(mapped.events).toEqual([
      { type: 'message_completed', turnId, messageId: 'm1', block: 0, kind: 'text', text: 'a' },
      {
        type: 'message_completed',
        turnId,
        messageId: 'm2',
        block: 0,
        parentToolCallId: 'toolu_22',
        kind: 'text',
        text: 'b',
      },
      { type: 'message_completed', turnId, messageId: 'm1', block: 1, kind: 'text', text: 'c' },
    ]);
  });
});

describe('answers that break off', () => {
  it('deltas of a call that failed in mid-stream are discarded when the repeated answer comes [D-09]', () => {
    const { events } = play('streamError');
    expect(events.map((event) => event.type)).toEqual([
      'message_delta',
      'message_delta',
      'message_delta',
      'message_discarded',
      'message_completed',
      'usage_updated',
    ]);
    expect(only(events, 'message_discarded')).toEqual([
      { type: 'message_discarded', turnId, messageId: 'msg_11', block: 0 },
    ]);
    expect(only(events, 'message_completed')).toMatchObject([{ messageId: 'msg_13', text: 'w0 w1 w2 ' }]);
  });

  it('a stream that begins anew under another id discards the blocks left open', () => {
    const begin = (id: string): unknown => ({
      type: 'stream_event',
      event: { type: 'message_start', message: { id } },
    });
    const open = {
      type: 'stream_event',
      event: { type: 'content_block_start', index: 0, content_block: { type: 'text' } },
    };
    const { events } = mapAll(new EventMapper(FRESH), [begin('m1'), open, begin('m2')]);
    expect(events).toEqual([{ type: 'message_discarded', turnId, messageId: 'm1', block: 0 }]);
  });

  it('an interrupted answer keeps what was shown of it', () => {
    const { events, signals } = play('interrupted');
    expect(events.map((event) => event.type)).toEqual([
      'message_delta',
      'message_completed',
      'usage_updated',
    ]);
    expect(signals).toContainEqual({
      kind: 'turn_over',
      result: expect.objectContaining({ terminal_reason: 'aborted_streaming' }),
    });
  });

  it('a result discards whatever is still open, before the usage', () => {
    const lines = messagesOf('interrupted').filter(
      (line) => !/"type":"assistant"/.test(JSON.stringify(line)),
    );
    const { events } = mapAll(new EventMapper(FRESH), lines);
    expect(events.map((event) => event.type)).toEqual([
      'message_delta',
      'message_discarded',
      'usage_updated',
    ]);
  });

  it('the death of a child discards what it left open, once', () => {
    const mapper = new EventMapper(FRESH);
    mapAll(mapper, messagesOf('text').slice(0, 8));
    expect(mapper.closeOpenBlocks(turnId)).toEqual([
      { type: 'message_discarded', turnId, messageId: 'msg_2', block: 0 },
    ]);
    expect(mapper.closeOpenBlocks(turnId)).toEqual([]);
  });
});

describe('prompts seen in the stream', () => {
  it('are no events: what people sent is in the log already', () => {
    const text = { type: 'user', message: { content: 'plain text' } };
    const replayed = { type: 'user', isReplay: true, message: { content: 'x' } };
    expect(mapAll(new EventMapper(FRESH), [text, replayed])).toEqual({ events: [], signals: [] });
  });
});
