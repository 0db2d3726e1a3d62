// Renderers: events and snapshots to text, without any stream.
import {
  applyEvent,
  EMPTY_VIEW,
  mintTurnId,
  SNAPSHOT_LIMITS,
  type SessionEvent,
} from '@holdfast/shared/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogWriter } from '../../../packages/client/test/support/events.ts';
import { mergeDeltas, sessionIdOf } from '../../../packages/client/test/support/fake-log.ts';
import type { RenderOptions } from '../src/render/piece.ts';
import { sessionLines } from '../src/render/sessions.ts';
import { oneLine, PLAIN, styleFor, withoutControls } from '../src/render/style.ts';
import {
  EMPTY_TRANSCRIPT,
  renderEvent,
  renderSnapshot,
  type TranscriptState,
} from '../src/render/transcript.ts';

const options = (mode: RenderOptions['mode']): RenderOptions => ({
  mode,
  style: PLAIN,
  clean: withoutControls,
});

function render(events: readonly SessionEvent[], mode: RenderOptions['mode']): { out: string; err: string } {
  let state: TranscriptState = EMPTY_TRANSCRIPT;
  const text = { out: '', err: '' };
  for (const event of events) {
    const rendered = renderEvent(state, event, options(mode));
    state = rendered.state;
    for (const piece of rendered.pieces) text[piece.to] += piece.text;
  }
  return text;
}

const turnId = mintTurnId();

describe('events as text', () => {
  it('print a text once, however it came in pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 5 }), { maxLength: 8 }),
        fc.nat(),
        fc.boolean(),
        (words, cut, merge) => {
          const log = new LogWriter();
          for (const word of words) log.delta(turnId, word);
          const text = words.join('');
          // What a resumed reader may see: some deltas, merged or not, then the whole text.
          const seen = log.events.slice(0, cut % (words.length + 1));
          const done = new LogWriter().completed(turnId, text);
          const printed = render([...(merge ? mergeDeltas(seen) : seen), done], 'answer');
          expect(printed).toEqual({ out: `${withoutControls(text)}\n`, err: '' });
        },
      ),
    );
  });

  it('put a line of its own between a text that was begun and a tool call, in a transcript', () => {
    const log = new LogWriter();
    log.delta(turnId, 'I will look');
    const call = { toolCallId: 't1', name: 'Read', input: { file_path: '/a/b' }, messageId: 'm2', block: 0 };
    log.add({ type: 'tool_call_started', turnId, ...call });
    const result = { toolCallId: 't1', isError: false, output: '1\n2\n3\n4\n5', truncated: false };
    log.add({ type: 'tool_call_completed', turnId, ...result });
    expect(render(log.events, 'transcript').out.split('\n')).toEqual([
      'I will look',
      '[Read] /a/b',
      '  | 1',
      '  | 2',
      '  | 3',
      '  | … 2 more lines',
      '',
    ]);
  });

  it('say that what was begun is void when the CLI starts over', () => {
    const log = new LogWriter();
    log.delta(turnId, 'Hal');
    log.add({ type: 'message_discarded', turnId, messageId: 'm1', block: 0 });
    log.delta(turnId, 'Hello', 'm2');
    log.completed(turnId, 'Hello', 'm2');
    expect(render(log.events, 'transcript').out).toBe('Hal\n(what was begun above is void)\nHello\n');
  });

  it('keep texts of subagents and thinking out of an answer', () => {
    const log = new LogWriter();
    const block = { turnId, messageId: 'm1', block: 0 };
    log.add({ type: 'message_delta', ...block, kind: 'text', text: 'sub', parentToolCallId: 't1' });
    log.add({ type: 'message_completed', ...block, kind: 'text', text: 'sub', parentToolCallId: 't1' });
    log.add({ type: 'message_delta', ...block, kind: 'thinking', text: 'hm' });
    log.add({ type: 'message_completed', ...block, kind: 'thinking', text: 'hm' });
    expect(render(log.events, 'answer')).toEqual({ out: '', err: '' });
    expect(render(log.events, 'transcript').out).toBe('  | sub\n· thinking: hm\n');
  });

  it('show the end of the stderr of a child that died', () => {
    const log = new LogWriter();
    const stderrTail = ['1', '2', '3', '4', '5', 'the last line'].join('\n');
    const end = { exitCode: 3, signal: null, expected: false, cause: 'it exited with code 3', stderrTail };
    log.add({ type: 'child_exited', ...end });
    const { err } = render(log.events, 'answer');
    expect(err).toBe('-- the CLI ended: it exited with code 3\n  2\n  3\n  4\n  5\n  the last line\n');
  });
});

describe('a snapshot as text', () => {
  it('prints only what was not printed before, and goes on in an open text', () => {
    const log = new LogWriter();
    log.created();
    log.turn({ promptId: 'p1', text: 'q', answer: 'printed before' });
    const before = log.events.reduce<TranscriptState>(
      (state, event) => renderEvent(state, event, options('transcript')).state,
      EMPTY_TRANSCRIPT,
    );
    const open = renderEvent(before, log.delta(turnId, 'Hel'), options('transcript')).state;
    log.delta(turnId, 'lo');
    log.completed(turnId, 'Hello world');
    log.delta(turnId, 'and ', 'm2');
    const view = log.events.reduce((state, event) => applyEvent(state, event), EMPTY_VIEW);
    const { state, pieces } = renderSnapshot(open, view, { ...options('transcript'), isShown: () => true });
    expect(pieces.map((piece) => piece.text).join('')).toBe('lo world\nand ');
    const next = renderEvent(state, log.delta(turnId, 'more', 'm2'), options('transcript'));
    expect(next.pieces).toEqual([{ to: 'out', text: 'more' }]);
  });
});

it('a text that a snapshot holds cut short is marked so, and not printed twice', () => {
  const long = 'x'.repeat(3_000);
  const log = new LogWriter();
  log.delta(turnId, long.slice(0, 2_500));
  const open = renderEvent(EMPTY_TRANSCRIPT, log.events[0] ?? log.created(), options('transcript')).state;
  log.completed(turnId, long);
  const view = log.events.reduce((state, event) => applyEvent(state, event, SNAPSHOT_LIMITS), EMPTY_VIEW);
  const shown = (state: TranscriptState): string =>
    renderSnapshot(state, view, { ...options('transcript'), isShown: () => true })
      .pieces.map((piece) => piece.text)
      .join('');
  expect(shown(EMPTY_TRANSCRIPT)).toBe(`${'x'.repeat(2_000)} […]\n`);
  expect(shown(open)).toBe(' […]\n');
});

describe('texts for a terminal', () => {
  it('can not steer it', () => {
    expect(withoutControls('a\u001B]0;title\u0007b\u001B[2Jc\u009B1m\td\ne\r\nf\rg')).toBe(
      'a]0;titleb[2Jc1m\td\ne\nfg',
    );
  });

  it('are coloured only on a terminal and without NO_COLOR', () => {
    expect(styleFor({ isTerminal: true, noColor: undefined }).red('x')).toBe('\u001B[31mx\u001B[39m');
    expect(styleFor({ isTerminal: true, noColor: '1' }).red('x')).toBe('x');
    expect(styleFor({ isTerminal: true, noColor: '' }).red('x')).not.toBe('x');
    expect(styleFor({ isTerminal: false, noColor: undefined }).red('x')).toBe('x');
  });

  it('are cut to one line', () => {
    expect(oneLine('a\n b\t c', 10)).toBe('a b c');
    expect(oneLine('abcdef', 4)).toBe('abc…');
  });
});

it('the list of sessions tells how long ago each changed', () => {
  const session = (n: number, updatedAt: number): Parameters<typeof sessionLines>[0][number] => ({
    sessionId: sessionIdOf(n),
    title: n === 0 ? null : 'T',
    cwd: '/w',
    status: 'idle',
    archived: false,
    createdAt: 0,
    updatedAt,
    position: { epoch: 'e1', offset: 1 },
  });
  const now = 200_000_000;
  const lines = sessionLines(
    [session(0, now - 5_000), session(1, now - 120_000), session(2, now - 7_200_000), session(3, 0)],
    { now, style: PLAIN },
  );
  expect(lines.map((line) => line.split(/ {2,}/)[2])).toEqual([
    'CHANGED',
    '5 s ago',
    '2 min ago',
    '2 h ago',
    '2 d ago',
  ]);
});
