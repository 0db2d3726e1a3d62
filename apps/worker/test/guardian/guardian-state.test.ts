import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FREEZE_AFTER_MS,
  initialGuardian,
  onMessage,
  onTick,
  type GuardianState,
  type GuardianStep,
} from '../../src/guardian/guardian-state.ts';
import type { ToGuardian } from '../../src/guardian/messages.ts';

const start = (): GuardianState =>
  onMessage(initialGuardian(0), { type: 'child', sessionId: 'a', childId: 'x', pid: 7 }, 0).state;

describe('the guardian', () => {
  it('stops every child once when no beat came in time, and not before [E-04]', () => {
    const early = onTick(start(), FREEZE_AFTER_MS - 1);
    expect(early.effects).toEqual([]);
    const late = onTick(early.state, FREEZE_AFTER_MS);
    expect(late.effects).toEqual([{ signal: 'SIGSTOP', childId: 'x', pid: 7 }]);
    expect(onTick(late.state, FREEZE_AFTER_MS + 500).effects).toEqual([]);
  });

  it('a beat alone thaws nothing: only the word of the worker that it still owns the session does', () => {
    const frozen = onTick(start(), FREEZE_AFTER_MS).state;
    const beaten = onMessage(frozen, { type: 'beat' }, FREEZE_AFTER_MS + 1);
    expect(beaten.effects).toEqual([]);
    expect(onTick(beaten.state, FREEZE_AFTER_MS + 2).effects).toEqual([]);
    const thawed = onMessage(beaten.state, { type: 'thaw', sessionId: 'a' }, FREEZE_AFTER_MS + 3);
    expect(thawed.effects).toEqual([{ signal: 'SIGCONT', childId: 'x', pid: 7 }]);
    expect(onMessage(thawed.state, { type: 'thaw', sessionId: 'a' }, FREEZE_AFTER_MS + 4).effects).toEqual(
      [],
    );
  });

  it('kills a frozen child whose session is lost, and forgets one that is gone', () => {
    const frozen = onTick(start(), FREEZE_AFTER_MS).state;
    const killed = onMessage(frozen, { type: 'kill', sessionId: 'a' }, 1);
    expect(killed.effects).toEqual([{ signal: 'SIGKILL', childId: 'x', pid: 7 }]);
    const gone = onMessage(killed.state, { type: 'gone', sessionId: 'a' }, 2).state;
    expect(onMessage(gone, { type: 'kill', sessionId: 'a' }, 3).effects).toEqual([]);
  });

  it('stops a child that is announced while beats are missing', () => {
    const step = onMessage(
      initialGuardian(0),
      { type: 'child', sessionId: 'b', childId: 'y', pid: 8 },
      FREEZE_AFTER_MS + 10,
    );
    expect(onTick(step.state, FREEZE_AFTER_MS + 11).effects).toEqual([
      { signal: 'SIGSTOP', childId: 'y', pid: 8 },
    ]);
  });

  it('never lets a child run for longer than the limit without a beat, whatever it is told', () => {
    const message = fc.oneof(
      fc.constant<ToGuardian>({ type: 'beat' }),
      fc
        .constantFrom('a', 'b', 'c')
        .chain((sessionId) =>
          fc.constantFrom<ToGuardian>(
            { type: 'child', sessionId, childId: sessionId, pid: sessionId.charCodeAt(0) },
            { type: 'gone', sessionId },
            { type: 'thaw', sessionId },
          ),
        ),
    );
    fc.assert(
      fc.property(fc.array(fc.record({ message, waitMs: fc.nat(4_000) }), { maxLength: 60 }), (steps) => {
        let state = initialGuardian(0);
        let now = 0;
        let lastBeat = 0;
        const running = new Set<string>();
        const apply = (step: GuardianStep): void => {
          state = step.state;
          for (const effect of step.effects) {
            if (effect.signal === 'SIGSTOP') running.delete(effect.childId);
            if (effect.signal === 'SIGCONT') running.add(effect.childId);
          }
        };
        for (const { message: next, waitMs } of steps) {
          now += waitMs;
          apply(onTick(state, now));
          expect(now - lastBeat < FREEZE_AFTER_MS || running.size === 0).toBe(true);
          if (next.type === 'beat') lastBeat = now;
          if (next.type === 'child') running.add(next.sessionId);
          if (next.type === 'gone') running.delete(next.sessionId);
          apply(onMessage(state, next, now));
        }
      }),
    );
  });
});
