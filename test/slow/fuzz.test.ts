// Anything at all as a frame, and as what a CLI says: parsed or refused, never thrown. The seed is printed; FUZZ_SEED and
// FUZZ_RUNS set it and the number of cases.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENT_FRAME_TYPES, errorCatalogue } from '@holdfast/shared/protocol';
import { parseFrame } from '../../apps/gateway/src/ws/parse-frame.ts';
import { createJsonLines } from '../../apps/worker/src/agent/json-lines.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100_000);
const options = { seed, numRuns };
process.stderr.write(`fuzzing with FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}\n`);

/** Frames that are nearly right: a known type, fields of right names, values of any kind. */
const nearlyFrame = fc.record(
  {
    type: fc.constantFrom<string>(...CLIENT_FRAME_TYPES, '__proto__', 'constructor'),
    requestId: fc.oneof(fc.string(), fc.constant('r1'), fc.integer()),
    sessionId: fc.oneof(fc.string(), fc.constant('s7f-01JD5W3W8Y5Q3T2E0V9A6B4C2D'), fc.jsonValue()),
    promptId: fc.oneof(fc.string(), fc.constant('p1')),
    content: fc.oneof(fc.jsonValue(), fc.array(fc.record({ type: fc.constant('text'), text: fc.string() }))),
    position: fc.oneof(fc.jsonValue(), fc.record({ epoch: fc.string(), offset: fc.double() })),
    decision: fc.jsonValue(),
    settings: fc.jsonValue(),
    token: fc.string(),
    userId: fc.string(),
    role: fc.string(),
  },
  { requiredKeys: ['type'] },
);
const frameText = fc.oneof(
  { weight: 3, arbitrary: nearlyFrame.map((frame) => JSON.stringify(frame)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: nearlyFrame.map((frame) => JSON.stringify(frame).slice(0, -3)) },
);

describe('the frame parser', () => {
  it('gives a frame of a known type, or an error of the catalogue', () => {
    let accepted = 0;
    fc.assert(
      fc.property(frameText, (text) => {
        const parsed = parseFrame(text);
        if (!parsed.ok) return Object.hasOwn(errorCatalogue, parsed.error.code);
        accepted += 1;
        return CLIENT_FRAME_TYPES.includes(parsed.frame.type);
      }),
      options,
    );
    // Else nothing but the refusals was tried.
    expect(accepted).toBeGreaterThan(numRuns / 1_000);
  });
});

describe('the JSON-lines parser', () => {
  const line = fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' ')),
    fc.constant(''),
    fc.constant('{"type":"result"}\r'),
  );

  it('gives the same for the same bytes, however they are cut, and never more than there is', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        fc.array(fc.nat(400), { maxLength: 12 }),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.join('\n'));
          const whole = createJsonLines(200);
          const expected = [...whole.push(bytes), ...whole.end()];
          const cut = createJsonLines(200);
          const places = [
            0,
            ...cuts.map((at) => Math.min(at, bytes.length)).toSorted((a, b) => a - b),
            bytes.length,
          ];
          const found = places.slice(1).flatMap((end, index) => cut.push(bytes.subarray(places[index], end)));
          found.push(...cut.end());
          // A line that is too long is told as soon as that is known, with the bytes known by then.
          const withoutBytes = (results: typeof found): unknown[] =>
            results.map((result) => (result.kind === 'too_long' ? { kind: 'too_long' } : result));
          expect(withoutBytes(found)).toEqual(withoutBytes(expected));
          expect(found.length).toBeLessThanOrEqual(lines.length);
        },
      ),
      options,
    );
  });
});
