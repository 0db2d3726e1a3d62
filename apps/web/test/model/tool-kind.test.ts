import { describe, expect, it } from 'vitest';
import { decodeEntities } from '../../src/chat/entities.ts';
import { diffOf } from '../../src/model/diff-lines.ts';
import { toMarkdown } from '../../src/model/markdown-export.ts';
import { displayName, faceOf } from '../../src/model/tool-kind.ts';

describe('the face of a tool call', () => {
  it('is its command, its file, or what it searched for', () => {
    expect(faceOf('Bash', { command: 'ls -l\npwd' })).toMatchObject({ headline: 'ls -l' });
    expect(faceOf('Read', { file_path: '/a/b.ts' })).toMatchObject({ headline: '/a/b.ts' });
    expect(faceOf('Grep', { pattern: 'x', path: '/a' })).toMatchObject({ headline: 'x · /a' });
  });

  it('shows an edit as the lines that changed', () => {
    const { body } = faceOf('Edit', {
      file_path: '/a',
      old_string: 'one\ntwo\n',
      new_string: 'one\nthree\n',
    });
    expect(body).toMatchObject({
      kind: 'diff',
      lines: [
        { kind: 'same', text: 'one' },
        { kind: 'removed', text: 'two' },
        { kind: 'added', text: 'three' },
      ],
    });
  });

  it('survives any input, and shows what it does not know as JSON', () => {
    for (const input of [null, undefined, 3, 'x', [], { command: 7 }, { todos: [1, null] }]) {
      for (const name of ['Bash', 'Edit', 'TodoWrite', 'Task', 'Unheard']) {
        expect(faceOf(name, input).name).not.toBe('');
      }
    }
    expect(faceOf('Unheard', { a: 1 }).body).toEqual({ kind: 'json', json: '{\n  "a": 1\n}' });
  });

  it('names tools of a server with the server', () => {
    expect(displayName('mcp__git__log')).toBe('git: log');
  });
});

describe('a difference', () => {
  it('leaves out what is far from a change', () => {
    const before = Array.from({ length: 40 }, (_, index) => `line ${index}`).join('\n');
    const lines = diffOf(before, before.replace('line 2\n', 'LINE 2\n').replace('line 38', 'LINE 38'));
    expect(lines.filter(({ kind }) => kind === 'gap')).toHaveLength(1);
    expect(lines.length).toBeLessThan(20);
  });
});

describe('texts', () => {
  it('lose their character references, known ones only', () => {
    expect(decodeEntities('a &amp; b &lt;c&gt; &#39;d&#x27; &nope; &#99999999;')).toBe(
      "a & b <c> 'd' &nope; &#99999999;",
    );
  });

  it('of an export keep a fence around output that has fences', () => {
    const markdown = toMarkdown('T', [
      {
        ...{ kind: 'tool', offset: 1, turnId: null, messageId: 'm', toolCallId: 't', parentToolCallId: null },
        ...{
          name: 'Bash',
          input: { command: 'cat x' },
          state: 'done',
          output: '```\nx\n```',
          truncated: false,
        },
      },
    ]);
    expect(markdown).toContain('# T\n\n**Bash** cat x\n\n````\n```\nx\n```\n````');
  });
});
