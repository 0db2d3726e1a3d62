import { describe, expect, it } from 'vitest';
import { parseServerFrame } from '../src/frames.ts';
import { LogWriter } from './support/events.ts';
import { sessionIdOf } from './support/fake-log.ts';

const eventsFrame = (events: readonly unknown[]): string =>
  JSON.stringify({ type: 'events', sessionId: sessionIdOf(0), epoch: 'e1', events });

describe('a frame of the gateway', () => {
  it('keeps the place of events that this version does not know', () => {
    const created = new LogWriter().created();
    const strange = { type: 'mood_changed', mood: 'good', offset: 2, upTo: 4, at: 7 };
    const parsed = parseServerFrame(eventsFrame([created, strange]));
    expect(parsed).toMatchObject({
      kind: 'frame',
      frame: { events: [created, { type: 'unknown', offset: 2, upTo: 4, at: 7, raw: strange }] },
    });
  });

  it('keeps the place of a known event whose fields changed', () => {
    const parsed = parseServerFrame(eventsFrame([{ type: 'turn_ended', offset: 9, at: 1, changed: true }]));
    expect(parsed).toMatchObject({ kind: 'frame', frame: { events: [{ type: 'unknown', offset: 9 }] } });
  });

  it('of an unknown type is named and passed over', () => {
    expect(parseServerFrame('{"type":"dance","requestId":"r"}')).toEqual({ kind: 'unknown', type: 'dance' });
  });

  it.each([
    ['no JSON', '{"type":'],
    ['no object', '7'],
    ['no type', '{"kind":"pong"}'],
    ['a known type with a field missing', '{"type":"welcome","version":1}'],
    ['an event without an offset', eventsFrame([{ type: 'mood_changed' }])],
    ['events that are no list', '{"type":"events","sessionId":"s7f-x","epoch":"e","events":7}'],
  ])('with %s is invalid', (_what, text) => {
    expect(parseServerFrame(text)).toMatchObject({ kind: 'invalid' });
  });
});
