import { describe, expect, it } from 'vitest';
import type { Situation } from '../src/conversation.ts';
import { chooseAnswer, type Answer } from '../src/script.ts';

const at = (prompt: string, answersGiven = 0, steers: readonly string[] = []): Answer =>
  chooseAnswer({ prompt, answersGiven, steers } satisfies Situation);

/** What an answer says and calls, in order. */
const shown = (answer: Answer): string[] =>
  answer.steps.map((step) => {
    if (step.kind === 'words') return `${step.block}:${step.text}`;
    if (step.kind === 'tool') return `${step.name}${step.inputJson}`;
    return step.kind;
  });

describe('a prompt without markers', () => {
  it('is repeated, shortened, and the answer says that it is a demo and how to leave it', () => {
    const [words] = at(`hello   there ${'x'.repeat(500)}`).steps;
    if (words?.kind !== 'words') throw new Error('no words');
    expect(words.text).toContain('You wrote: "hello there xxx');
    expect(words.text.length).toBeLessThan(1000);
    for (const part of [
      'demo model',
      'no AI',
      'ANTHROPIC_API_KEY',
      'HOLDFAST_MODEL=real',
      'npm run up',
      '[[text ',
    ])
      expect(words.text).toContain(part);
  });
});

describe('a prompt with a wrong marker', () => {
  it('is answered with the marker, the reason and the known markers', () => {
    const [text] = shown(at('[[sloww ms=5]]'));
    expect(text).toContain('`[[sloww ms=5]]`');
    expect(text).toContain('did you mean "slow"');
    expect(text).toContain('[[tool Bash {"command":"date"}]]');
  });
});

describe('a script', () => {
  const prompt =
    '[[think t]] [[say a]] [[tool A {"x":1}]] [[also B]] [[tool C]] [[say b]] [[stop max_tokens]] [[say c]]';

  it('plays one answer a call: up to its tool calls, up to a stop, or to the end', () => {
    const answers = [0, 1, 2, 3].map((given) => at(prompt, given));
    expect(answers.map(shown)).toEqual([
      ['thinking:t', 'text:a', 'A{"x":1}', 'B{}'],
      ['C{}'],
      ['text:b'],
      ['text:c'],
    ]);
    expect(answers.map(({ stopReason }) => stopReason)).toEqual([
      'tool_use',
      'tool_use',
      'max_tokens',
      'end_turn',
    ]);
  });

  it('is followed by a short closing text', () => {
    const closing = at(prompt, 4);
    expect(shown(closing)).toEqual(['text:Done. (Holdfast demo model)']);
    expect(closing.stopReason).toBe('end_turn');
  });

  it('with nothing to say or call says the closing text', () => {
    expect(shown(at('[[slow ms=5]] [[cut]]'))).toEqual(['pause', 'cut', 'text:Done. (Holdfast demo model)']);
    expect(shown(at('[[rate tokens=5]]'))).toEqual(['text:Done. (Holdfast demo model)']);
    expect(shown(at('[[think x]]'))).toEqual(['thinking:x', 'text:Done. (Holdfast demo model)']);
  });

  it('keeps a rate from its marker on, unless a text has its own', () => {
    const { steps } = at('[[say a]] [[rate tokens=5]] [[say b]] [[text rate=9]] [[think c]]');
    expect(steps.map((step) => ('rate' in step ? step.rate : undefined))).toEqual([0, 5, 9, 5]);
  });

  it('gives each fault an id of its own', () => {
    const ids = at('[[cut]] [[error stream]]').steps.flatMap((step) => ('id' in step ? step.id : []));
    expect(new Set(ids).size).toBe(2);
  });
});

describe('a prompt delivered into the turn', () => {
  it('is answered together with the last words of the script', () => {
    expect(shown(at('[[tool A]] [[say own]]', 1, ['[[say steered]]']))).toEqual(['text:own', 'text:steered']);
  });

  it('is answered next when the script has nothing left', () => {
    expect(shown(at('[[tool A]]', 1, ['[[say steered]]']))).toEqual(['text:steered']);
  });

  it('may call tools, after which the turn goes on', () => {
    const steers = ['[[tool B]] [[say more]]'];
    expect(shown(at('[[tool A]] [[say own]]', 1, steers))).toEqual(['text:own', 'B{}']);
    expect(shown(at('[[tool A]] [[say own]]', 2, steers))).toEqual(['text:more']);
  });
});

describe('calls that the CLI makes for itself', () => {
  it('do not play the markers they quote', () => {
    const quoted = '[[error status=500]] [[tool Bash]]';
    expect(shown(at(`CRITICAL: Respond with TEXT ONLY. Do NOT call any tools. ${quoted}`))).toEqual([
      expect.stringContaining('<summary>'),
    ]);
    expect(shown(at(`<session>\n${quoted}\n</session>`))).toEqual(['text:{"title": "Demo session"}']);
  });
});
