// What became of a prompt, told from the session's items.
import type { SessionItem } from '@holdfast/client';
import { applyEvent, EMPTY_VIEW, mintTurnId, PromptId, type SessionEvent } from '@holdfast/shared/protocol';
import { describe, expect, it } from 'vitest';
import { LogWriter } from '../../../packages/client/test/support/events.ts';
import { exitCodeOf } from '../src/follow-prompt.ts';
import { progressOf, startProgress, type Phase } from '../src/prompt-progress.ts';

const position = { epoch: 'e1', offset: 1 };
const item = (event: SessionEvent): SessionItem => ({ kind: 'event', event, position, live: true });
const reset = (events: readonly SessionEvent[]): SessionItem => ({
  kind: 'reset',
  reason: 'trimmed',
  position,
  snapshot: events.reduce((view, event) => applyEvent(view, event), EMPTY_VIEW),
});
const phase = (items: readonly SessionItem[]): Phase => items.reduce(progressOf, startProgress('mine')).phase;
const phaseOf = (log: LogWriter): Phase => phase(log.events.map(item));

describe('a prompt', () => {
  it('waits behind the running turn and the prompts before it', () => {
    const log = new LogWriter();
    log.started('other', 'x');
    log.queued('second', 'y');
    log.queued('mine', 'z');
    expect(phaseOf(log)).toEqual({ kind: 'queued', ahead: 2 });
  });

  it('runs, and ends with its own turn only', () => {
    const log = new LogWriter();
    const turnId = mintTurnId();
    log.queued('mine', 'z');
    log.started('mine', 'z', turnId);
    log.ended(mintTurnId());
    expect(phaseOf(log)).toEqual({ kind: 'running', turnId });
    log.ended(turnId);
    expect(phaseOf(log)).toMatchObject({
      kind: 'over',
      turnId,
      outcome: { kind: 'ended', stopReason: 'end_turn' },
    });
  });

  it('that was put into a running turn is answered by that turn [B-06]', () => {
    const log = new LogWriter();
    const turnId = mintTurnId();
    log.started('other', 'x', turnId);
    log.queued('mine', 'z');
    const promptId = PromptId.parse('mine');
    log.add({ type: 'prompt_steered', promptId, steerId: mintTurnId(), turnId });
    expect(phaseOf(log)).toEqual({ kind: 'queued', ahead: 1 });
    log.add({ type: 'prompt_injected', promptId, turnId });
    expect(phaseOf(log)).toEqual({ kind: 'running', turnId });
    log.ended(turnId);
    expect(phaseOf(log)).toMatchObject({ kind: 'over', turnId, outcome: { kind: 'ended' } });
  });

  it('that was lost before it was delivered waits for its next attempt', () => {
    const log = new LogWriter();
    const first = mintTurnId();
    const second = mintTurnId();
    log.started('mine', 'z', first);
    log.add({ type: 'turn_interrupted', turnId: first, delivered: false, reason: 'worker lost' });
    expect(phaseOf(log)).toEqual({ kind: 'queued', ahead: 0 });
    log.started('mine', 'z', second);
    expect(phaseOf(log)).toEqual({ kind: 'running', turnId: second });
    log.add({ type: 'turn_interrupted', turnId: second, delivered: true, reason: 'worker lost' });
    expect(phaseOf(log)).toMatchObject({ outcome: { kind: 'interrupted', reason: 'worker lost' } });
  });

  it('that waits is over when the queue is cleared', () => {
    const log = new LogWriter();
    const turnId = mintTurnId();
    log.started('other', 'x', turnId);
    const queued = log.queued('mine', 'z');
    if (queued.type !== 'prompt_queued') throw new Error('not a queued prompt');
    log.add({ type: 'abort_requested', turnId, queue: 'clear', background: 'keep', by: queued.by });
    expect(phaseOf(log)).toMatchObject({ kind: 'over', outcome: { kind: 'cancelled' } });
  });

  it.each([
    ['waits', (log: LogWriter) => log.queued('mine', 'z'), { kind: 'queued', ahead: 0 }],
    ['runs', (log: LogWriter) => log.started('mine', 'z'), { kind: 'running' }],
    [
      'has ended',
      (log: LogWriter) => log.turn({ promptId: 'mine', text: 'z', answer: 'a' }),
      { kind: 'over', outcome: { kind: 'ended', stopReason: 'end_turn' } },
    ],
    ['is not in the log yet', (log: LogWriter) => log.queued('other', 'z'), { kind: 'sent' }],
  ])('that %s is found so in a snapshot', (_what, happen, expected) => {
    const log = new LogWriter();
    log.created();
    happen(log);
    expect(phase([reset(log.events)])).toMatchObject(expected);
  });

  it('that ran but that nothing tells of any more is of unknown outcome', () => {
    const log = new LogWriter();
    const running = log.started('mine', 'z');
    expect(phase([item(running), reset([new LogWriter().created()])])).toMatchObject({
      kind: 'over',
      outcome: { kind: 'unknown' },
    });
  });
});

it('the exit code tells an answer from a failure from an abort', () => {
  const ended = (stopReason: 'end_turn' | 'aborted' | 'failed' | 'max_tokens'): number =>
    exitCodeOf({ kind: 'ended', stopReason, error: null });
  expect([ended('end_turn'), ended('aborted'), ended('failed'), ended('max_tokens')]).toEqual([0, 130, 1, 1]);
  expect(exitCodeOf({ kind: 'cancelled' })).toBe(130);
  expect(exitCodeOf({ kind: 'interrupted', reason: 'x' })).toBe(1);
  expect(exitCodeOf({ kind: 'unknown' })).toBe(1);
});
