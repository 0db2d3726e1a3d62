import { describe, expect, it } from 'vitest';
import { createTail } from '../../src/process/tail.ts';

describe('the tail of a stream', () => {
  it('is all of it while it is short', () => {
    const tail = createTail(10);
    tail.add(Buffer.from('one '));
    tail.add(Buffer.from('two\n'));
    expect(tail.text()).toBe('one two');
  });

  it('is the end of it when it is long, however the chunks were cut', () => {
    const text = Array.from({ length: 1_000 }, (_, index) => String(index % 10)).join('');
    for (const size of [1, 3, 7, 64, 1_000]) {
      const tail = createTail(10);
      for (let at = 0; at < text.length; at += size) tail.add(Buffer.from(text.slice(at, at + size)));
      expect(tail.text()).toBe(text.slice(-10));
    }
  });

  it('is empty before anything came', () => expect(createTail(10).text()).toBe(''));
});
