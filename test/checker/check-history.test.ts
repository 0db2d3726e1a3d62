import { describe, expect, it } from 'vitest';
import {
  applyEvent,
  EMPTY_VIEW,
  mintTurnId,
  SNAPSHOT_LIMITS,
  tryParseEvent,
} from '@holdfast/shared/protocol';
import { checkHistory, isClean } from './check-history.ts';
import { FAULTS, type Fault, type Verdict } from './findings.ts';
import { digestOf, parseHistory, type HistoryRecord } from './history.ts';
import { eventRecord, viewDigest } from './recorders.ts';

const session = 's';
const who = { client: 'c', session };
type Body = { readonly type: string } & { readonly [key: string]: unknown };

const note = (text: string): Body => ({ type: 'notice', kind: 'info', text });
const delta = (text: string): Body => ({
  ...{ type: 'message_delta', turnId: null, messageId: 'm', block: 0, kind: 'text' },
  text,
});
const frameOf = (offset: number, body: Body): string => JSON.stringify({ offset, at: offset, ...body });

/** A writer's append that Redis acknowledged. */
function append(first: number, bodies: readonly Body[], by = { epoch: 'e1', fence: 1 }): HistoryRecord[] {
  const frames = bodies.map((body, index) => frameOf(first + index, body));
  return [
    { kind: 'attempt', session, ...by, first, frames },
    { kind: 'ack', session, ...by, first, count: frames.length },
  ];
}

function got(offset: number, body: Body, epoch = 'e1'): HistoryRecord {
  const event = tryParseEvent({ offset, at: offset, ...body });
  if (event === undefined) throw new Error('not an event');
  return { ...who, epoch, ...eventRecord(event) };
}

function reset(
  offset: number,
  bodies: readonly Body[],
  { reason = 'new', epoch = 'e1' } = {},
): HistoryRecord {
  let view = EMPTY_VIEW;
  for (const [index, body] of bodies.entries()) {
    const event = tryParseEvent(JSON.parse(frameOf(index + 1, body)));
    if (event !== undefined) view = applyEvent(view, event, SNAPSHOT_LIMITS);
  }
  return { ...who, kind: 'reset', reason, epoch, offset, view: viewDigest(view) };
}

const head = (at: number, epoch = 'e1'): HistoryRecord => ({ kind: 'head', session, epoch, head: at });
const end = (offset: number, epoch = 'e1'): HistoryRecord => ({ ...who, kind: 'end', epoch, offset });
const abc = [note('a'), note('b'), note('c')];

function expectFaults(verdict: Verdict, expected: Partial<Record<Fault, number>>): void {
  const counts = Object.fromEntries(FAULTS.map((fault) => [fault, verdict[fault]]));
  const none = Object.fromEntries(FAULTS.map((fault) => [fault, 0]));
  expect({ counts, problems: verdict.problems }).toMatchObject({ counts: { ...none, ...expected } });
}

describe('a history in which nothing went wrong', () => {
  it('is clean, and its events are counted', () => {
    const verdict = checkHistory([
      ...append(1, abc),
      reset(0, []),
      ...abc.map((body, index) => got(index + 1, body)),
      { ...who, kind: 'caught_up', epoch: 'e1', offset: 3 },
      head(3),
      end(3),
    ]);
    expect(isClean(verdict)).toBe(true);
    expect(verdict.stats).toMatchObject({ acknowledged: 3, delivered: 3, ended: 1, resets: { new: 1 } });
  });

  it('may have an append that was executed although nobody was told', () => {
    const [attempt] = append(3, [note('c')]);
    const records = [...append(1, [note('a'), note('b')]), ...(attempt === undefined ? [] : [attempt])];
    const seen = abc.map((body, index) => got(index + 1, body));
    expectFaults(checkHistory([...records, reset(0, []), ...seen, head(3), end(3)]), {});
  });

  it('may skip to a snapshot that is the fold of what was skipped', () => {
    expectFaults(
      checkHistory([
        ...append(1, abc),
        reset(2, abc.slice(0, 2), { reason: 'trimmed' }),
        got(3, note('c')),
        head(3),
        end(3),
      ]),
      {},
    );
  });

  it('may give up acknowledged events when the epoch changes', () => {
    const verdict = checkHistory([
      ...append(1, abc),
      ...append(3, [note('d')], { epoch: 'e2', fence: 2 }),
      ...[reset(0, []), ...abc.map((body, index) => got(index + 1, body))],
      ...[reset(2, abc.slice(0, 2), { reason: 'epoch', epoch: 'e2' }), got(3, note('d'), 'e2')],
      ...[head(3, 'e2'), end(3, 'e2')],
    ]);
    expectFaults(verdict, {});
    expect(verdict.stats.abandoned).toBe(1);
  });

  it('may have deltas merged for a client that fell behind', () => {
    const parts = [delta('one '), delta('two '), delta('three')];
    const records = [
      ...append(1, parts),
      reset(0, []),
      got(1, { ...delta('one two three'), upTo: 3 }),
      head(3),
      end(3),
    ];
    expectFaults(checkHistory(records), {});
  });
});

describe('what a client was told', () => {
  const writer = append(1, abc);
  const run = (...records: HistoryRecord[]): Verdict =>
    checkHistory([...writer, reset(0, []), ...records, head(3)]);

  it('a hole is lost, once for each event', () => {
    expectFaults(run(got(1, note('a')), got(3, note('c')), end(3)), { lost: 1 });
  });
  it('an event that comes after a later one is out of order', () => {
    expectFaults(run(got(1, note('a')), got(3, note('c')), got(2, note('b'))), { reordered: 1 });
  });
  it('an event that comes twice is doubled', () => {
    expectFaults(run(got(1, note('a')), got(1, note('a'))), { duplicated: 1 });
  });
  it('another event than the one written is a silent divergence', () => {
    expectFaults(run(got(1, note('x'))), { divergedSilently: 1 });
  });
  it('another epoch without a reset is a silent divergence', () => {
    expectFaults(run(got(1, note('a')), got(2, note('b'), 'e2')), { divergedSilently: 1 });
  });
  it('a tail that never came is lost', () => {
    expectFaults(run(got(1, note('a')), end(1)), { lost: 2 });
  });
  it('being told to be further than the events that came is a loss', () => {
    expectFaults(run({ ...who, kind: 'caught_up', epoch: 'e1', offset: 3 }), { lost: 1 });
  });
  it('going on from a saved position without the next event is a loss', () => {
    expectFaults(run({ ...who, kind: 'resume', epoch: 'e1', offset: 1 }, got(3, note('c')), end(3)), {
      lost: 1,
    });
  });
  it('a merged delta that says something else than its parts is a silent divergence', () => {
    const parts = [delta('one '), delta('two')];
    const merged = got(1, { ...delta('one 2'), upTo: 2 });
    expectFaults(checkHistory([...append(1, parts), reset(0, []), merged]), { divergedSilently: 1 });
  });
  it('a snapshot that is not the fold of the events before it is a silent divergence', () => {
    expectFaults(run(reset(2, [note('a')], { reason: 'trimmed' }), got(3, note('c')), end(3)), {
      divergedSilently: 1,
    });
  });
  it('two clients that got different events at a place nobody recorded have diverged', () => {
    const other = { ...got(1, note('x')), client: 'other' };
    expectFaults(checkHistory([got(1, note('a')), other]), { divergedSilently: 1 });
  });
});

describe('what writers did', () => {
  it('an event of an older fence after one of a newer fence is a silent divergence', () => {
    const records = [...append(1, [note('a')], { epoch: 'e1', fence: 2 }), ...append(2, [note('b')])];
    expectFaults(checkHistory(records), { divergedSilently: 1 });
  });
  it('two acknowledged events at one place are a loss', () => {
    const records = [...append(1, [note('a')]), ...append(1, [note('b')], { epoch: 'e1', fence: 2 })];
    expectFaults(checkHistory(records), { lost: 1 });
  });
  it('an acknowledged event beyond the end of the log is a loss', () => {
    expectFaults(checkHistory([...append(1, abc), head(2)]), { lost: 1 });
  });
  it('an acknowledged event that the log does not hold is a loss', () => {
    const stored: HistoryRecord = { kind: 'stored', session, offset: 2, frame: frameOf(2, note('x')) };
    expectFaults(checkHistory([...append(1, abc), stored, head(3)]), { lost: 1 });
  });
  it('a place that was jumped over is a loss', () => {
    expectFaults(checkHistory([...append(1, [note('a')]), ...append(3, [note('c')])]), { lost: 1 });
  });
});

describe('turns and prompts', () => {
  const t1 = mintTurnId();
  const t2 = mintTurnId();
  const started = (turnId: string, attempt = 1): Body => ({
    ...{ type: 'turn_started', turnId, promptId: 'p', attempt },
    content: [{ type: 'text', text: 'hi' }],
  });
  const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
  const ended = (turnId: string): Body => ({
    ...{ type: 'turn_ended', turnId, stopReason: 'end_turn', error: null, usage },
    ...{ durationMs: 0, apiDurationMs: 0, costUsd: 0 },
  });
  const interrupted = (turnId: string, delivered: boolean): Body => ({
    ...{ type: 'turn_interrupted', turnId, delivered, reason: 'test' },
  });
  const run = (...bodies: Body[]): Verdict => checkHistory([...append(1, bodies), head(bodies.length)]);

  it('a prompt that did not reach the CLI may run again', () => {
    expectFaults(run(started(t1), interrupted(t1, false), started(t2, 2), ended(t2)), {});
  });
  it('a prompt that reached the CLI must not', () => {
    expectFaults(run(started(t1), interrupted(t1, true), started(t2, 2), ended(t2)), { promptsRunTwice: 1 });
  });
  it('an attempt happens once', () => {
    expectFaults(run(started(t1), interrupted(t1, false), started(t2), ended(t2)), { promptsRunTwice: 1 });
  });
  it('a turn that never ends is a loss', () => {
    expectFaults(run(started(t1)), { lost: 1 });
  });
  it('a turn that ends twice is doubled', () => {
    expectFaults(run(started(t1), ended(t1), interrupted(t1, true)), { duplicated: 1 });
  });
  it('an accepted prompt that never ran is a loss', () => {
    const accepted: HistoryRecord = { kind: 'prompt_accepted', session, promptId: 'other' };
    const records = [...append(1, [started(t1), ended(t1)]), accepted, head(2)];
    expectFaults(checkHistory(records), { lost: 1 });
  });
});

describe('records', () => {
  it('go through JSON lines; a line that was cut off is left out', () => {
    const records = append(1, abc);
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    expect(parseHistory(`${text}{"kind":"att`)).toEqual(records);
  });
  it('two values have one digest exactly if they are equal', () => {
    expect(digestOf({ a: 1, b: { c: [1, 2] } })).toBe(digestOf({ b: { c: [1, 2] }, a: 1 }));
    expect(digestOf({ a: 1, b: { c: [1, 2] } })).not.toBe(digestOf({ a: 1, b: { c: [2, 1] } }));
  });
});
