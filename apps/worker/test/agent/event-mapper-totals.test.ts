import { describe, expect, it } from 'vitest';
import { EVENT_TYPES, NO_TOKENS } from '@holdfast/shared/protocol';
import { EventMapper } from '../../src/agent/event-mapper.ts';
import { FRESH, mapAll, only, play, turnId } from './mapping.ts';
import { messagesOf } from './recorded.ts';

describe('costs and totals [H-04]', () => {
  it("a turn's cost is the difference of the process's cumulative cost", () => {
    const mapper = new EventMapper(FRESH);
    mapAll(mapper, messagesOf('text'));
    expect(mapper.costUsd).toBeCloseTo(0.13662625);
    const { events } = mapAll(mapper, messagesOf('tool'));
    expect(mapper.costUsd).toBeCloseTo(0.158849);
    expect(only(events, 'usage_updated')[0]?.totals).toEqual({
      inputTokens: 9,
      outputTokens: 10,
      cacheReadTokens: 43_908,
      cacheCreationTokens: 21_856,
    });
  });

  it('a new process counts from zero, the session goes on from what it had', () => {
    const totals = { inputTokens: 9, outputTokens: 10, cacheReadTokens: 0, cacheCreationTokens: 0 };
    const respawned = new EventMapper({ ...FRESH, totals, costUsd: 1.5 });
    const { events } = mapAll(respawned, messagesOf('text'));
    expect(respawned.costUsd).toBeCloseTo(1.5 + 0.13662625);
    expect(only(events, 'usage_updated')[0]).toMatchObject({
      totals: { inputTokens: 13, outputTokens: 13, cacheReadTokens: 0, cacheCreationTokens: 21_845 },
    });
  });

  it('an API error costs nothing and leaves the context fill as it was', () => {
    const mapper = new EventMapper(FRESH);
    mapAll(mapper, messagesOf('text'));
    const before = mapper.costUsd;
    const cost = { total_cost_usd: before };
    const [, failed] = messagesOf('apiError').slice(1);
    const { events } = mapAll(mapper, [{ ...Object(failed), ...cost }]);
    expect(mapper.costUsd).toBe(before);
    expect(only(events, 'usage_updated')[0]?.context.tokens).toBe(21_852);
  });

  it('a new process knows the context fill of before until it has one of its own', () => {
    const respawned = new EventMapper({ ...FRESH, contextTokens: 500, windowTokens: 1_000 });
    const { events } = mapAll(respawned, messagesOf('apiError'));
    expect(only(events, 'usage_updated')).toMatchObject([{ context: { tokens: 500 } }]);
  });

  it('the context fill after a compaction is what is left', () => {
    const mapper = new EventMapper(FRESH);
    mapAll(mapper, messagesOf('text'));
    const { events } = mapAll(mapper, messagesOf('compaction'));
    expect(only(events, 'usage_updated')).toMatchObject([{ context: { tokens: 615 } }]);
  });

  it('the context fill follows the latest message, also when that is shorter or not streamed', () => {
    const mapper = new EventMapper(FRESH);
    const answer = (id: string, input: number, parent: string | null = null): unknown => ({
      type: 'assistant',
      parent_tool_use_id: parent,
      message: { id, content: [], usage: { input_tokens: input } },
    });
    mapAll(mapper, [answer('m1', 900), answer('m2', 300), answer('m3', 7_000, 'toolu_1')]);
    expect(mapper.usage.contextTokens).toBe(300);
  });

  it('a result without numbers counts as zero', () => {
    const { events } = mapAll(new EventMapper(FRESH), [
      { type: 'result', subtype: 'success', is_error: false },
    ]);
    expect(events).toEqual([
      { type: 'usage_updated', context: { tokens: 0, windowTokens: null }, totals: NO_TOKENS, costUsd: 0 },
    ]);
  });
});

describe('what the CLI may add tomorrow [H-05]', () => {
  it.each([
    ['a new message type', { type: 'hologram', x: 1 }, 'hologram'],
    ['a new system subtype', { type: 'system', subtype: 'weather' }, 'system/weather'],
    ['a known type of another shape', { type: 'assistant', message: 'text' }, 'assistant'],
    [
      'a new kind of stream event',
      { type: 'stream_event', event: { type: 'content_block_twist' } },
      'stream_event',
    ],
    ['a bare value', 42, 'number'],
    ['null', null, 'object'],
  ])('%s passes through', (_what, raw, source) => {
    expect(new EventMapper(FRESH).map(raw, turnId).events).toEqual([
      { type: 'unknown', turnId, source, raw },
    ]);
  });

  it('a new kind of content block passes through and takes its number', () => {
    const content = [{ type: 'hologram' }, { type: 'text' }, { type: 'thinking' }, { type: 'tool_use' }];
    const { events } = mapAll(new EventMapper(FRESH), [{ type: 'assistant', message: { id: 'm', content } }]);
    expect(events).toMatchObject([
      { type: 'unknown', source: 'assistant/hologram', raw: { type: 'hologram' } },
      { type: 'message_completed', block: 1, kind: 'text', text: '' },
      { type: 'message_completed', block: 2, kind: 'thinking', text: '' },
      { type: 'unknown', source: 'assistant/tool_use' },
    ]);
  });

  it('deltas of a kind that is not shown, or of no announced block, are nothing', () => {
    const stream = (event: unknown): unknown => ({ type: 'stream_event', event });
    const { events } = mapAll(new EventMapper(FRESH), [
      stream({ type: 'message_start', message: { id: 'm' } }),
      stream({ type: 'content_block_start', index: 0, content_block: { type: 'hologram' } }),
      stream({ type: 'content_block_delta', index: 0, delta: { type: 'beam', text: 'x' } }),
      stream({ type: 'content_block_delta', index: 7, delta: { type: 'text_delta', text: 'x' } }),
      stream({ type: 'message_delta' }),
    ]);
    expect(events).toEqual([]);
  });

  it('everything it makes is an event of the protocol', () => {
    const names = [
      'text',
      'tool',
      'streamError',
      'subagent',
      'refusal',
      'background',
      'interrupted',
    ] as const;
    for (const event of play(...names).events) expect(EVENT_TYPES).toContain(event.type);
  });
});
