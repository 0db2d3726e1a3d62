import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptBatch } from '../src/event-cursor.ts';
import { LogWriter } from './support/events.ts';
import { mergeDeltas } from './support/fake-log.ts';

const log = new LogWriter();
log.created();
log.turn({ promptId: 'p1', text: 'a', answer: 'one two three' });
const [first, second, third, fourth, fifth] = log.events;
const merged = mergeDeltas(log.events);
const span = merged.find((event) => event.upTo !== undefined);
if (!first || !second || !third || !fourth || !fifth || !span?.upTo) throw new Error('the log is too short');

const at = (offset: number): { epoch: string; offset: number } => ({ epoch: 'e1', offset });
const batch = (...events: typeof log.events): { epoch: string; events: typeof log.events } => ({
  epoch: 'e1',
  events,
});

describe('a batch at a position', () => {
  it('is taken where it continues, and moves the position to its end', () => {
    expect(acceptBatch(at(1), batch(second, third))).toEqual({
      kind: 'take',
      events: [second, third],
      cursor: at(3),
    });
  });

  it('loses the events that were taken before', () => {
    expect(acceptBatch(at(2), batch(first, second, third))).toMatchObject({ events: [third], cursor: at(3) });
    expect(acceptBatch(at(5), batch(first, second))).toEqual({ kind: 'take', events: [], cursor: at(5) });
  });

  it('shows a gap in front of it and within it, and keeps what came before the gap', () => {
    expect(acceptBatch(at(1), batch(third))).toEqual({ kind: 'gap', events: [], cursor: at(1) });
    expect(acceptBatch(at(1), batch(second, fourth))).toEqual({
      kind: 'gap',
      events: [second],
      cursor: at(2),
    });
  });

  it('moves over all offsets of a merged event', () => {
    expect(acceptBatch(at(span.offset - 1), batch(span))).toMatchObject({
      kind: 'take',
      cursor: at(span.upTo ?? 0),
    });
  });

  it('neither takes nor drops a merged event that reaches over the position: its text can not be split', () => {
    expect(acceptBatch(at(span.offset), batch(span))).toMatchObject({ kind: 'gap', events: [] });
  });

  it('of another epoch is not mixed in', () => {
    expect(acceptBatch({ epoch: 'e0', offset: 1 }, batch(second))).toEqual({ kind: 'epoch_changed' });
  });

  it('before any position is known is refused', () => {
    expect(acceptBatch(null, batch(first))).toEqual({ kind: 'gap', events: [], cursor: null });
  });

  it('whatever is repeated, left out or swapped: taken offsets are dense and each comes once [J-01]', () => {
    const index = fc.nat({ max: log.events.length - 1 });
    const slices = fc.array(fc.tuple(index, index), { maxLength: 20 });
    fc.assert(
      fc.property(slices, (pieces) => {
        let cursor = at(0);
        const taken: number[] = [];
        for (const [from, to] of pieces) {
          const result = acceptBatch(cursor, batch(...log.events.slice(from, to + 1)));
          if (result.kind === 'epoch_changed') throw new Error('there is one epoch');
          taken.push(...result.events.map((event) => event.offset));
          cursor = result.cursor ?? cursor;
        }
        expect(taken).toEqual(taken.map((_, i) => i + 1));
      }),
    );
  });
});
