import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeaseTerm } from '../../src/claim/lease-term.ts';

const LEASE_MS = 10_000;

function startTerm(): { term: LeaseTerm; at: (ms: number) => void } {
  let now = 0;
  const term = new LeaseTerm(LEASE_MS, () => now);
  return { term, at: (ms) => (now = ms) };
}

describe('the term of a lease', () => {
  it('allows nothing before the first beat, and after it until both clocks say that it is over [E-01]', () => {
    const { term, at } = startTerm();
    expect(term.until()).toBe(0);
    term.beat(0, { untilMs: 1_010_000, isContinued: false });
    expect(term.until()).toBe(1_010_000);
    at(LEASE_MS - 1);
    expect(term.until()).toBe(1_010_000);
    at(LEASE_MS);
    expect(term.until()).toBe(0);
  });

  it.each([
    { why: 'our own clock', sentAt: LEASE_MS, isContinued: true },
    { why: 'Redis', sentAt: 2_000, isContinued: false },
  ])('that was over, as $why says, is doubtful until ownership is confirmed [E-01] [E-04]', (beat) => {
    const { term, at } = startTerm();
    term.beat(0, { untilMs: 1_010_000, isContinued: false });
    at(beat.sentAt);
    term.beat(beat.sentAt, { untilMs: 1_030_000, isContinued: beat.isContinued });
    expect([term.isDoubtful, term.until()]).toEqual([true, 0]);
    // Beats alone do not make it good.
    term.beat(beat.sentAt + 2_000, { untilMs: 1_032_000, isContinued: true });
    expect([term.isDoubtful, term.until()]).toEqual([true, 0]);
    term.confirmed();
    expect([term.isDoubtful, term.until()]).toEqual([false, 1_032_000]);
  });

  it('is over again when confirming took longer than a lease', () => {
    const { term, at } = startTerm();
    term.beat(0, { untilMs: 1, isContinued: false });
    term.beat(20_000, { untilMs: 30_000, isContinued: false });
    at(40_000);
    term.confirmed();
    expect(term.until()).toBe(0);
    term.beat(40_000, { untilMs: 50_000, isContinued: true });
    expect(term.isDoubtful).toBe(true);
  });

  it('never allows an append later than a lease after a beat was sent, whatever comes [E-01]', () => {
    const step = fc.record({ afterMs: fc.nat(15_000), isContinued: fc.boolean(), confirms: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { term, at } = startTerm();
        let now = 0;
        let sentAt = Number.NEGATIVE_INFINITY;
        for (const { afterMs, isContinued, confirms } of steps) {
          now += afterMs;
          at(now);
          expect(term.until() > 0).toBe(term.until() > 0 && now - sentAt < LEASE_MS);
          term.beat(now, { untilMs: now + LEASE_MS, isContinued });
          sentAt = now;
          if (confirms) term.confirmed();
          expect(term.until() > 0).toBe(!term.isDoubtful);
        }
      }),
    );
  });
});
