import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { examples, parsePrompt, type Marker } from '../src/grammar.ts';

const markersOf = (text: string): readonly Marker[] => {
  const parsed = parsePrompt(text);
  if (parsed.kind !== 'script') throw new Error(`not a script: ${JSON.stringify(parsed)}`);
  return parsed.markers;
};

const problemOf = (text: string): string => {
  const parsed = parsePrompt(text);
  return parsed.kind === 'invalid' ? parsed.problem : `(no problem: ${parsed.kind})`;
};

describe('markers', () => {
  it('text without markers is plain, also with double brackets of other languages', () => {
    expect(parsePrompt('hello')).toEqual({ kind: 'plain' });
    expect(parsePrompt('if [[ -f x ]]; then a=[[1,2],[3]]; fi')).toEqual({ kind: 'plain' });
  });

  it('every documented example parses, each as a marker of its own', () => {
    expect(markersOf(examples.join(' and '))).toHaveLength(examples.length);
  });

  it('shown in the documentation all parse, and every kind of marker is shown', () => {
    const page = readFileSync(new URL('../../../docs/DEMO_MODEL.md', import.meta.url), 'utf8');
    const shown = [...page.matchAll(/`(\[\[[^`]+)`/gu), ...page.matchAll(/^(\[\[.*)$/gmu)].map(
      (match) => match[1] ?? '',
    );
    const kinds = new Set(shown.flatMap(markersOf).map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(markersOf(examples.join(' ')).map(({ kind }) => kind)));
  });

  it('come in the order of the text; the words between them are ignored', () => {
    expect(markersOf('first [[say hi there]], then [[slow ms=20]] and [[cut]]')).toEqual([
      { kind: 'say', text: 'hi there' },
      { kind: 'slow', ms: 20 },
      { kind: 'cut' },
    ]);
  });

  it('options are read by name, in any order, quoted values included', () => {
    expect(markersOf('[[text rate=60 count=200 size=5]]')).toEqual([
      { kind: 'text', count: 200, size: 5, rate: 60 },
    ]);
    expect(markersOf('[[error status=400 message="a \\"b\\" ]" times=2]]')).toEqual([
      { kind: 'error_status', status: 400, message: 'a "b" ]', times: 2 },
    ]);
    expect(markersOf('[[error stream times=1]] [[usage input=5 cache_read=7]]')).toEqual([
      { kind: 'error_stream', times: 1 },
      { kind: 'usage', usage: { input: 5, cache_read: 7 } },
    ]);
  });

  it('quoted text may hold brackets, line breaks and quotes', () => {
    expect(markersOf('[[say "a ]] \\"b\\"\\nc"]]')).toEqual([{ kind: 'say', text: 'a ]] "b"\nc' }]);
  });

  it('the JSON of a tool may hold brackets and whole markers', () => {
    const input = { prompt: '[[say x]] }', nested: [[1, { a: ']]' }]] };
    expect(markersOf(`[[tool Task ${JSON.stringify(input)}]] [[say after]]`)).toEqual([
      { kind: 'tool', name: 'Task', input },
      { kind: 'say', text: 'after' },
    ]);
  });

  it('a tool without JSON gets an empty input', () => {
    expect(markersOf('[[tool ExitPlanMode]]')).toEqual([{ kind: 'tool', name: 'ExitPlanMode', input: {} }]);
  });
});

describe('a wrong marker', () => {
  it.each([
    ['[[sya hello]]', 'did you mean "say"'],
    ['[[text2 count=1]]', 'there is no marker "text2"'],
    ['[[saying]]', 'there is no marker "saying"'],
    ['[[say ]]', 'text is missing'],
    ['[[say hello', 'closing ]] is missing'],
    ['[[slow ms=1', 'closing ]] is missing'],
    ['[[slow]]', 'ms'],
    ['[[slow ms=fast]]', 'ms'],
    ['[[slow ms=-1]]', 'ms'],
    ['[[text count=0]]', 'count'],
    ['[[text count=100000 size=60000]]', 'over 64000000'],
    ['[[text count=5 count=6]]', 'given twice'],
    ['[[text words=5]]', 'words'],
    ['[[text 5]]', 'name=value'],
    ['[[error status=418]]', 'must be one of 400, 401'],
    ['[[error]]', 'status'],
    ['[[stop never]]', 'end_turn, max_tokens, refusal'],
    ['[[tool]]', 'name of the tool'],
    ['[[tool Bash {"command":"x"]]', 'not closed'],
    ['[[tool Bash {command:1}]]', 'JSON is not valid'],
    ['[[tool Bash {} {}]]', 'one JSON object'],
    ['[[tool Bash [1]]]', 'one JSON object'],
    ['[[also Bash {}]]', 'directly after a tool'],
    ['[[say a]] [[error status=500]]', 'before the content'],
  ])('%s is refused with the reason', (text, reason) => {
    expect(problemOf(text)).toContain(reason);
  });

  it('is shown as written, and makes the whole prompt invalid', () => {
    expect(parsePrompt('[[say ok]] [[slow ms=x]] [[say later]]')).toMatchObject({
      kind: 'invalid',
      marker: '[[slow ms=x]]',
    });
  });

  it('an HTTP error may come before the content of each answer', () => {
    expect(markersOf('[[error status=500]] [[tool Bash {}]] [[error status=429]] [[say x]]')).toHaveLength(4);
  });
});
