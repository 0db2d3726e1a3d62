// The connection's machine: every event in every phase, and the times of D-10.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CONNECTION_TIMES,
  nextDeadline,
  transition,
  type ConnectionEvent,
  type ConnectionState,
  type Phase,
} from '../src/connection-state.ts';
import { statusOfConnection } from '../src/connection-status.ts';

const T = 1_000_000;
const phases = {
  idle: { kind: 'idle' },
  opening: { kind: 'opening', attempt: 2, since: T },
  greeting: { kind: 'greeting', attempt: 2, since: T },
  ready: {
    kind: 'ready',
    attempt: 2,
    since: T,
    heartbeatMs: 15_000,
    heardAt: T,
    sentAt: T,
    pongDueAt: null,
    leaveAt: null,
  },
  waiting: { kind: 'waiting', attempt: 2, retryAt: T + 5_000 },
  closed: { kind: 'closed', code: 'client_closed' },
} as const satisfies Record<Phase['kind'], Phase>;

const at = { now: T + 1_000, random: 0.5 };
const late = { now: T + 60_000, random: 0.5 };
const events = {
  start: { type: 'start', ...at },
  opened: { type: 'opened', ...at },
  welcome: { type: 'welcome', heartbeatMs: 15_000, ...at },
  heard: { type: 'heard', ...at },
  sent: { type: 'sent', ...at },
  going_away: { type: 'going_away', afterMs: 3_000, ...at },
  lost: { type: 'lost', closeCode: 1006, ...at },
  lost_for_good: { type: 'lost', closeCode: 4401, ...at },
  abandon: { type: 'abandon', ...at },
  early_tick: { type: 'tick', ...at },
  late_tick: { type: 'tick', ...late },
  online: { type: 'online', ...at },
  offline: { type: 'offline', ...at },
  visible: { type: 'visible', ...at },
  stop: { type: 'stop', ...at },
} as const satisfies Record<string, ConnectionEvent>;

/** For each phase and event: the next phase, then the effects. */
const table: Record<Phase['kind'], Record<keyof typeof events, string>> = {
  idle: {
    start: 'opening open',
    opened: 'idle',
    welcome: 'idle',
    heard: 'idle',
    sent: 'idle',
    going_away: 'idle',
    lost: 'idle',
    lost_for_good: 'idle',
    abandon: 'idle',
    early_tick: 'idle',
    late_tick: 'idle',
    online: 'idle',
    offline: 'idle',
    visible: 'idle',
    stop: 'closed announce_closed',
  },
  opening: {
    start: 'opening',
    opened: 'greeting send_hello',
    welcome: 'opening',
    heard: 'opening',
    sent: 'opening',
    going_away: 'opening',
    lost: 'waiting',
    lost_for_good: 'closed drop announce_closed',
    abandon: 'waiting drop',
    early_tick: 'opening',
    late_tick: 'waiting drop',
    online: 'opening',
    offline: 'opening',
    visible: 'opening',
    stop: 'closed drop announce_closed',
  },
  greeting: {
    start: 'greeting',
    opened: 'greeting',
    welcome: 'ready announce_ready',
    heard: 'greeting',
    sent: 'greeting',
    going_away: 'greeting',
    lost: 'waiting',
    lost_for_good: 'closed drop announce_closed',
    abandon: 'waiting drop',
    early_tick: 'greeting',
    late_tick: 'waiting drop',
    online: 'greeting',
    offline: 'greeting',
    visible: 'greeting',
    stop: 'closed drop announce_closed',
  },
  ready: {
    start: 'ready',
    opened: 'ready',
    welcome: 'ready',
    heard: 'ready',
    sent: 'ready',
    going_away: 'ready',
    lost: 'waiting announce_lost',
    lost_for_good: 'closed drop announce_closed',
    abandon: 'waiting drop announce_lost',
    early_tick: 'ready',
    late_tick: 'ready send_ping',
    online: 'ready send_ping',
    offline: 'ready send_ping',
    visible: 'ready send_ping',
    stop: 'closed drop announce_closed',
  },
  waiting: {
    start: 'waiting',
    opened: 'waiting',
    welcome: 'waiting',
    heard: 'waiting',
    sent: 'waiting',
    going_away: 'waiting',
    lost: 'waiting',
    lost_for_good: 'waiting',
    abandon: 'waiting',
    early_tick: 'waiting',
    late_tick: 'opening open',
    online: 'opening open',
    offline: 'waiting',
    visible: 'opening open',
    stop: 'closed announce_closed',
  },
  closed: {
    start: 'opening open',
    opened: 'closed',
    welcome: 'closed',
    heard: 'closed',
    sent: 'closed',
    going_away: 'closed',
    lost: 'closed',
    lost_for_good: 'closed',
    abandon: 'closed',
    early_tick: 'closed',
    late_tick: 'closed',
    online: 'closed',
    offline: 'closed',
    visible: 'closed',
    stop: 'closed',
  },
};

const rows = Object.entries(table).flatMap(([phase, columns]) =>
  Object.entries(columns).map(([event, outcome]) => ({ phase, event, outcome })),
);

function run(state: ConnectionState, ...steps: readonly ConnectionEvent[]): ConnectionState {
  return steps.reduce((before, event) => transition(before, event).state, state);
}
const inPhase = (phase: Phase): ConnectionState => ({ network: 'up', phase });

describe('the connection machine', () => {
  it.each(rows)('$phase, $event: $outcome', ({ phase, event, outcome }) => {
    const { state, effects } = transition(
      inPhase(phases[phase as Phase['kind']]), // keys of the table
      events[event as keyof typeof events], // keys of the table
    );
    expect([state.phase.kind, ...effects.map((effect) => effect.type)].join(' ')).toBe(outcome);
  });

  it('backs off with full jitter, bounded, and starts over after a connection that held', () => {
    const lost = { type: 'lost', closeCode: 1006, now: T, random: 0.999 } as const;
    const delays = [0, 1, 2, 3, 10, 60].map((attempt) => {
      const { phase } = transition(inPhase({ kind: 'opening', attempt, since: T }), lost).state;
      return phase.kind === 'waiting' ? phase.retryAt - T : undefined;
    });
    expect(delays).toEqual([499, 999, 1998, 3996, 14985, 14985]);
    const heldBriefly = transition(inPhase({ ...phases.ready, attempt: 4 }), {
      ...lost,
      now: T + 9_999,
    }).state;
    const held = transition(inPhase({ ...phases.ready, attempt: 4 }), { ...lost, now: T + 10_000 }).state;
    expect(heldBriefly.phase).toMatchObject({ attempt: 5 });
    expect(held.phase).toMatchObject({ attempt: 1 });
  });

  it('comes back when a gateway that goes away said to, even if its socket closes at once', () => {
    const left = run(inPhase({ ...phases.ready, attempt: 0 }), events.going_away, {
      type: 'lost',
      closeCode: 1012,
      now: T + 1_010,
      random: 0.9,
    });
    expect(left.phase).toEqual({ kind: 'waiting', attempt: 1, retryAt: T + 1_000 + 3_000 });
  });

  it('leaves a gateway that goes away but does not close', () => {
    const leaving = run(inPhase({ ...phases.ready, attempt: 0 }), events.going_away);
    const due = nextDeadline(leaving) ?? Number.NaN;
    const { state, effects } = transition(leaving, { type: 'tick', now: due, random: 0.9 });
    expect(due).toBe(T + 4_000);
    expect(effects.map((effect) => effect.type)).toEqual(['drop', 'announce_lost']);
    expect(state.phase).toEqual({ kind: 'waiting', attempt: 1, retryAt: due });
  });

  it('does not hammer gateways that all say they are going away', () => {
    const again = run(
      inPhase({ ...phases.ready, attempt: 3 }),
      { ...events.going_away, afterMs: 0 },
      { type: 'lost', closeCode: 1012, now: T + 1_000, random: 0.5 },
    );
    expect(again.phase).toEqual({ kind: 'waiting', attempt: 4, retryAt: T + 1_000 + 2_000 });
  });

  it('counts no failure when a gateway goes away that served for a while, as in a rolling replacement [E-05]', () => {
    const again = run(
      inPhase({ ...phases.ready, attempt: 3 }),
      { ...events.going_away, now: T + 2_000, afterMs: 100 },
      { type: 'lost', closeCode: 1012, now: T + 2_050, random: 0.5 },
    );
    expect(again.phase).toEqual({ kind: 'waiting', attempt: 1, retryAt: T + 2_100 });
  });

  it('gives a silent peer up within 25 s of the last thing heard, whenever that was [D-10]', () => {
    const hearings = fc.array(fc.integer({ min: 1, max: 16_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(hearings, fc.integer({ min: 1_000, max: 60_000 }), (gaps, heartbeatMs) => {
        let state = run(inPhase(phases.greeting), { ...events.welcome, heartbeatMs, now: T });
        let now = T;
        let heardAt = T;
        const tickUntil = (end: number): void => {
          for (let due = nextDeadline(state); due !== null && due <= end; due = nextDeadline(state)) {
            if (state.phase.kind !== 'ready') return;
            now = due;
            const { state: next, effects } = transition(state, { type: 'tick', now, random: 0 });
            state = next;
            if (effects.some((effect) => effect.type === 'send_ping')) {
              state = run(state, { type: 'sent', now, random: 0 });
            }
          }
        };
        for (const gap of gaps) {
          tickUntil(now + gap);
          if (state.phase.kind !== 'ready') return;
          heardAt = Math.max(now, heardAt + gap);
          now = heardAt;
          state = run(state, { type: 'heard', now, random: 0 });
        }
        tickUntil(Number.POSITIVE_INFINITY);
        expect(state.phase.kind).toBe('waiting');
        expect(now - heardAt).toBeLessThanOrEqual(25_000);
      }),
    );
  });

  it('pings at least every heartbeat while it only listens, so that the server hears it [D-10]', () => {
    let state: ConnectionState = inPhase(phases.ready);
    for (let now = T; now <= T + 14_000; now += 1_000) state = run(state, { type: 'heard', now, random: 0 });
    expect(nextDeadline(state)).toBe(T + 15_000);
    expect(transition(state, { type: 'tick', now: T + 15_000, random: 0 }).effects).toEqual([
      { type: 'send_ping' },
    ]);
  });

  it('finds out within 3 s whether a connection survived a hint that it may not have [D-10]', () => {
    const probed = run(inPhase(phases.ready), events.visible);
    expect(nextDeadline(probed)).toBe(events.visible.now + CONNECTION_TIMES.probeDeadlineMs);
    const probedLater = run(inPhase({ ...phases.ready, pongDueAt: at.now + 100 }), events.visible);
    expect(nextDeadline(probedLater)).toBe(at.now + 100);
  });

  it('shows offline at once, and takes it back when the service is heard all the same [D-10]', () => {
    const offline = run(inPhase(phases.ready), events.offline);
    expect(statusOfConnection(offline)).toEqual({ kind: 'offline' });
    expect(statusOfConnection(run(offline, events.heard))).toEqual({ kind: 'live' });
    expect(statusOfConnection(run(inPhase(phases.waiting), events.offline))).toEqual({ kind: 'offline' });
  });
});

describe('the status shown', () => {
  const shown = (phase: Phase): unknown => statusOfConnection(inPhase(phase));
  it('tells each phase as it is', () => {
    expect(shown(phases.idle)).toEqual({ kind: 'connecting' });
    expect(shown({ ...phases.opening, attempt: 0 })).toEqual({ kind: 'connecting' });
    expect(shown(phases.opening)).toEqual({ kind: 'reconnecting', attempt: 2, retryAt: T });
    expect(shown(phases.greeting)).toEqual({ kind: 'reconnecting', attempt: 2, retryAt: T });
    expect(shown(phases.ready)).toEqual({ kind: 'live' });
    expect(shown(phases.waiting)).toEqual({ kind: 'reconnecting', attempt: 2, retryAt: T + 5_000 });
    expect(shown(phases.closed)).toEqual({ kind: 'closed', code: 'client_closed' });
  });
});
