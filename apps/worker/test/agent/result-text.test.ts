import { describe, expect, it } from 'vitest';
import { resultText } from '../../src/agent/result-text.ts';

describe('a tool result as text', () => {
  it.each([
    ['a string', 'plain', 'plain'],
    ['nothing', undefined, ''],
    ['null', null, ''],
    [
      'text blocks',
      [
        { type: 'text', text: 'one' },
        { type: 'text', text: 'two' },
      ],
      'one\ntwo',
    ],
    ['an image', [{ type: 'image', source: {} }], '[image]'],
    ['a block without a type', [{ odd: 1 }], '{"odd":1}'],
    ['bare values', ['a', 7], 'a\n7'],
    ['another shape', { stdout: 'x' }, '{"stdout":"x"}'],
  ])('%s', (_what, content, text) => expect(resultText(content)).toBe(text));
});
