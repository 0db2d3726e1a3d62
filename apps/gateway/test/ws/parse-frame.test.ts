import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFrame } from '../../src/ws/parse-frame.ts';

const session = 's00-01JD0000000000000000000000';

describe('parseFrame', () => {
  it('gives the frame with defaults filled in, and passes over fields it does not know', () => {
    const text = `{"type":"abort","requestId":"r1","sessionId":"${session}","tomorrow":1}`;
    expect(parseFrame(text)).toEqual({
      ok: true,
      frame: { type: 'abort', requestId: 'r1', sessionId: session, queue: 'keep', background: 'keep' },
    });
  });

  it('names the fields that are wrong', () => {
    const parsed = parseFrame('{"type":"create","requestId":"r1","createId":"with spaces","title":7}');
    expect(parsed.ok ? null : parsed.error.details).toMatchObject({
      issues: [{ path: 'createId' }, { path: 'title' }],
    });
  });

  it('never throws, whatever the text [G-07]', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const parsed = parseFrame(text);
        expect(parsed.ok ? parsed.frame.type : parsed.error.code).toBeTypeOf('string');
      }),
    );
  });
});
