import { mintSessionId, type SessionId } from '@holdfast/shared/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Admission } from '../../src/session/admission.ts';

function waiter(sessionId: SessionId, log: string[] = []) {
  return {
    sessionId,
    onGranted: () => void log.push('granted'),
    onPosition: (position: number) => void log.push(`position ${position}`),
  };
}

const ids = Array.from({ length: 6 }, () => mintSessionId()) as [
  SessionId,
  SessionId,
  SessionId,
  ...SessionId[],
]; // six of them

describe('places for children [E-06]', () => {
  it('go to those who ask until none is left; then people see their position, and get the place in order', () => {
    const admission = new Admission({ capacity: 1, parkIdlest: () => false });
    const [one, two, three] = ids;
    const logs = { two: [] as string[], three: [] as string[] };
    expect(admission.enter(waiter(one))).toBe(true);
    expect(admission.enter(waiter(one))).toBe(true);
    expect(admission.enter(waiter(two, logs.two))).toBe(false);
    expect(admission.enter(waiter(three, logs.three))).toBe(false);
    expect(admission.enter(waiter(two, logs.two))).toBe(false);
    expect(logs).toEqual({ two: ['position 1'], three: ['position 2'] });
    admission.leave(one);
    expect(logs).toEqual({ two: ['position 1', 'granted'], three: ['position 2', 'position 1'] });
    expect(admission.enter(waiter(two, logs.two))).toBe(true);
    expect(admission.taken).toBe(1);
  });

  it('an idle child is parked for who waits, at once or when it becomes idle', () => {
    let asked = 0;
    const admission = new Admission({
      capacity: 1,
      parkIdlest: () => {
        asked += 1;
        return true;
      },
    });
    const [one, two] = ids;
    admission.enter(waiter(one));
    admission.idle();
    expect(asked).toBe(0);
    admission.enter(waiter(two));
    expect(asked).toBe(1);
    admission.idle();
    expect(asked).toBe(2);
  });

  it('are never more than there are, and nobody waits while one is free', () => {
    const step = fc.record({ session: fc.nat(ids.length - 1), enters: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 80 }), (capacity, steps) => {
        const admission = new Admission({ capacity, parkIdlest: () => false });
        const waiting = new Set<SessionId>();
        for (const { session, enters } of steps) {
          const sessionId = ids[session] ?? ids[0];
          if (enters) {
            const entered = admission.enter({
              sessionId,
              onGranted: () => void waiting.delete(sessionId),
              onPosition: () => undefined,
            });
            if (!entered) waiting.add(sessionId);
          } else {
            waiting.delete(sessionId);
            admission.leave(sessionId);
          }
          expect(admission.taken).toBeLessThanOrEqual(capacity);
          expect(waiting.size === 0 || admission.taken === capacity).toBe(true);
        }
      }),
    );
  });
});
