import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createJsonLines, type LineResult } from '../../src/agent/json-lines.ts';

/** Feeds `bytes` cut at the given places and returns everything that came out, the end included. */
function read(bytes: Buffer, cuts: readonly number[], maxBytes?: number): LineResult[] {
  const lines = createJsonLines(maxBytes);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const results: LineResult[] = [];
  let start = 0;
  for (const place of [...places, bytes.length]) {
    results.push(...lines.push(bytes.subarray(start, place)));
    start = place;
  }
  return [...results, ...lines.end()];
}

const json = (value: unknown): LineResult => ({ kind: 'json', value });

describe('JSON lines', () => {
  it('any cutting of the bytes gives the same values in order [A-06]', () => {
    const values = fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 5 });
    fc.assert(
      fc.property(values, fc.array(fc.nat(), { maxLength: 40 }), fc.boolean(), (all, cuts, isTerminated) => {
        const text = all.map((value) => JSON.stringify(value)).join('\n') + (isTerminated ? '\n' : '');
        expect(read(Buffer.from(text), cuts)).toEqual(
          all.map((value) => json(JSON.parse(JSON.stringify(value)))),
        );
      }),
    );
  });

  it('a character cut in the middle of its bytes is put together again', () => {
    const bytes = Buffer.from('{"text":"żółć 🦊"}\n');
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(read(bytes, [cut])).toEqual([json({ text: 'żółć 🦊' })]);
    }
  });

  it('the last line counts without a newline [A-06]', () => {
    expect(read(Buffer.from('{"a":1}\n{"b":2}'), [])).toEqual([json({ a: 1 }), json({ b: 2 })]);
  });

  it('a line that is not JSON is reported, cut short, and the next one is read [A-12]', () => {
    const junk = 'x'.repeat(500);
    expect(read(Buffer.from(`${junk}\n{"a":1}\n`), [3])).toEqual([
      { kind: 'bad', text: junk.slice(0, 200) },
      json({ a: 1 }),
    ]);
  });

  it('a last line that was cut off by a death is reported as bad', () => {
    expect(read(Buffer.from('{"a":1}\n{"b":'), [])).toEqual([json({ a: 1 }), { kind: 'bad', text: '{"b":' }]);
  });

  it('blank lines and carriage returns are nothing', () => {
    expect(read(Buffer.from('\n \t\r\n{"a":1}\r\n\r\n'), [2, 5])).toEqual([json({ a: 1 })]);
  });

  it('a line of exactly the cap is read, one byte more is not [A-12]', () => {
    const line = JSON.stringify('x'.repeat(98));
    expect(read(Buffer.from(`${line}\n`), [10, 50], 100)).toEqual([json('x'.repeat(98))]);
    expect(read(Buffer.from(`${line} \n`), [], 100)).toEqual([{ kind: 'too_long', bytes: 101 }]);
  });

  it('a line over the cap is told before its end arrives, once, and nothing after it is read or held', () => {
    const lines = createJsonLines(100);
    expect(lines.push(Buffer.from('{"a":1}\n'))).toEqual([json({ a: 1 })]);
    expect(lines.push(Buffer.alloc(101, 'x'))).toEqual([{ kind: 'too_long', bytes: 101 }]);
    expect(lines.push(Buffer.alloc(1_000, 'x'))).toEqual([]);
    expect(lines.push(Buffer.from('\n{"b":2}\n{"c"'))).toEqual([]);
    expect(lines.end()).toEqual([]);
  });

  it('what came before a line over the cap in the same chunk is not lost', () => {
    const chunk = Buffer.from(`{"a":1}\n${'x'.repeat(200)}\n{"b":2}\n`);
    expect(read(chunk, [], 100)).toEqual([json({ a: 1 }), { kind: 'too_long', bytes: 200 }]);
  });
});
