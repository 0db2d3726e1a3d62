import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEvent, EMPTY_VIEW, mintTurnId, SessionEvent } from '@holdfast/shared/protocol';
import { mergeDeltas } from '../../src/feed/merge-deltas.ts';

const turnId = mintTurnId();
const delta = (offset: number, text: string, more: Record<string, unknown> = {}): string =>
  JSON.stringify({
    type: 'message_delta',
    turnId,
    messageId: 'm1',
    block: 0,
    kind: 'text',
    text,
    ...more,
    offset,
    at: offset,
  });
const notice = (offset: number): string =>
  JSON.stringify({ type: 'notice', kind: 'info', text: 'n', offset, at: offset });
const parse = (frames: readonly string[]): SessionEvent[] =>
  frames.map((frame) => SessionEvent.parse(JSON.parse(frame)));

describe('mergeDeltas', () => {
  it('makes one delta of adjacent ones of a block, from the first offset up to the last', () => {
    const merged = parse(
      mergeDeltas([delta(4, 'a'), delta(5, 'b'), delta(6, 'c'), notice(7), delta(8, 'd')]),
    );
    expect(merged).toMatchObject([
      { offset: 4, upTo: 6, text: 'abc' },
      { offset: 7, type: 'notice' },
      { offset: 8, text: 'd' },
    ]);
    expect(merged[2]).not.toHaveProperty('upTo');
  });

  it.each([
    ['another message', { messageId: 'm2' }],
    ['another block', { block: 1 }],
    ['another kind', { kind: 'thinking' }],
    ['another parent', { parentToolCallId: 't1' }],
    ['another turn', { turnId: mintTurnId() }],
  ])('keeps a delta of %s apart', (_what, more) => {
    const frames = [delta(1, 'a'), delta(2, 'b', more)];
    expect(mergeDeltas(frames)).toEqual(frames);
  });

  it('passes on untouched what it does not know, even if it looks like a delta', () => {
    const frames = [
      delta(1, 'a'),
      '{"type":"message_delta","offset":2,"at":1,"future":"shape"}',
      notice(3),
      '{"type":"from_tomorrow","note":"\\"message_delta\\"","offset":4,"at":4}',
      delta(5, 'e'),
    ];
    expect(mergeDeltas(frames)).toEqual(frames);
  });

  it('merges what was merged before', () => {
    const merged = parse(mergeDeltas([delta(1, 'ab', { upTo: 2 }), delta(3, 'c')]));
    expect(merged).toMatchObject([{ offset: 1, upTo: 3, text: 'abc' }]);
  });

  it('does not let one frame grow without bound', () => {
    const frames = Array.from({ length: 10 }, (_, index) => delta(index + 1, 'x'.repeat(30_000)));
    const merged = parse(mergeDeltas(frames));
    expect(merged.map((event) => [event.offset, event.upTo])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
      [9, 10],
    ]);
  });

  it('leads to the same view and covers the same offsets, for any run of frames [D-09]', () => {
    const kinds = fc.constantFrom('a', 'b', 'n');
    fc.assert(
      fc.property(fc.array(kinds, { maxLength: 60 }), (run) => {
        const frames = run.map((kind, index) =>
          kind === 'n' ? notice(index + 1) : delta(index + 1, `${kind}${index}`, { messageId: kind }),
        );
        const fold = (events: readonly SessionEvent[]): unknown =>
          events.reduce((view, event) => applyEvent(view, event), EMPTY_VIEW);
        const merged = parse(mergeDeltas(frames));
        // The time of a merged delta is its first one's; nothing else may differ.
        const same = { ...(fold(merged) as object), updatedAt: 0 };
        expect(same).toEqual({ ...(fold(parse(frames)) as object), updatedAt: 0 });
        let next = 1;
        for (const event of merged) {
          expect(event.offset).toBe(next);
          next = (event.upTo ?? event.offset) + 1;
        }
        expect(next).toBe(frames.length + 1);
      }),
    );
  });
});
