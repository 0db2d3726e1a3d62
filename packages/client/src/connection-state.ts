// The connection's state machine. Pure: transition(state, event) gives the next state and what to do about it.
//
//   idle --start--> opening --opened--> greeting --welcome--> ready
//                      |                   |                    |
//                      +---- lost, tick ---+------ lost --------+--> waiting --tick, online, visible--> opening
//   any --stop, or a close code that is final--> closed --start--> opening
//
// `network` is what the page says (`online`/`offline` events); hearing from the service proves it up.
import { fullJitterBackoff } from '@holdfast/shared/util';
import { finalCloseCode } from './errors.ts';

/** All in milliseconds. */
export const CONNECTION_TIMES = {
  /** From opening the socket to `welcome`. */
  openDeadlineMs: 10_000,
  /** Silence after which a ping is sent, at most; the service may ask for more often. */
  heartbeatMs: 15_000,
  /** How long an answer to a ping may take: 15 s + 8 s is within the 25 s of D-10. */
  pongDeadlineMs: 8_000,
  /** The same after a hint that the connection may be dead (`online`, `offline`, page visible again). */
  probeDeadlineMs: 3_000,
  backoffBaseMs: 500,
  backoffCapMs: 15_000,
  /** A connection that held this long starts the backoff over. */
  stableMs: 10_000,
  /** The same for one whose gateway then said that it goes away: in a rolling replacement that comes again soon. */
  servedMs: 2_000,
} as const;

export type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'opening'; readonly attempt: number; readonly since: number }
  | { readonly kind: 'greeting'; readonly attempt: number; readonly since: number }
  | {
      readonly kind: 'ready';
      readonly attempt: number;
      readonly since: number;
      readonly heartbeatMs: number;
      readonly heardAt: number;
      readonly sentAt: number;
      /** When the answer to a ping is overdue; null when none is awaited. */
      readonly pongDueAt: number | null;
      /** When to leave a gateway that said it is going away; null otherwise. */
      readonly leaveAt: number | null;
    }
  | { readonly kind: 'waiting'; readonly attempt: number; readonly retryAt: number }
  | { readonly kind: 'closed'; readonly code: string };

export interface ConnectionState {
  readonly network: 'up' | 'down';
  readonly phase: Phase;
}

/** `random` in [0, 1) decides a backoff, should one be needed. */
interface At {
  readonly now: number;
  readonly random: number;
}
export type ConnectionEvent = At &
  (
    | { readonly type: 'start' }
    | { readonly type: 'opened' }
    | { readonly type: 'welcome'; readonly heartbeatMs: number }
    | { readonly type: 'heard' }
    | { readonly type: 'sent' }
    | { readonly type: 'going_away'; readonly afterMs: number }
    | { readonly type: 'lost'; readonly closeCode: number }
    /** The peer broke the protocol, or a reader can not go on: drop this socket and come back. */
    | { readonly type: 'abandon' }
    | { readonly type: 'tick' }
    | { readonly type: 'online' }
    | { readonly type: 'offline' }
    | { readonly type: 'visible' }
    | { readonly type: 'stop' }
  );

export type ConnectionEffect =
  | { readonly type: 'open' }
  | { readonly type: 'send_hello' }
  | { readonly type: 'send_ping' }
  /** Close the socket and listen to it no more. */
  | { readonly type: 'drop'; readonly closeCode: number }
  | { readonly type: 'announce_ready' }
  | { readonly type: 'announce_lost' }
  | { readonly type: 'announce_closed'; readonly code: string };

export interface Transition {
  readonly state: ConnectionState;
  readonly effects: readonly ConnectionEffect[];
}

export const INITIAL_CONNECTION: ConnectionState = { network: 'up', phase: { kind: 'idle' } };

/** Close codes that we send. 4009: nothing was heard in time. */
const NORMAL = 1000;
const SILENT = 4009;

export function transition(state: ConnectionState, event: ConnectionEvent): Transition {
  switch (event.type) {
    case 'start':
      return onStart(state, event);
    case 'opened':
      return state.phase.kind === 'opening'
        ? to(state, { ...state.phase, kind: 'greeting' }, { type: 'send_hello' })
        : same(state);
    case 'welcome':
      return onWelcome(state, event);
    case 'heard':
      return onHeard(state, event);
    case 'sent':
      return state.phase.kind === 'ready' ? to(state, { ...state.phase, sentAt: event.now }) : same(state);
    case 'going_away':
      return state.phase.kind === 'ready'
        ? to(state, { ...state.phase, leaveAt: event.now + event.afterMs })
        : same(state);
    case 'lost':
      return onLost(state, event);
    case 'abandon':
      return isOpen(state.phase) ? give(state, event, NORMAL) : same(state);
    case 'tick':
      return onTick(state, event);
    case 'online':
      return onHint({ ...state, network: 'up' }, event);
    case 'offline':
      return onOffline({ ...state, network: 'down' }, event);
    case 'visible':
      return onHint(state, event);
    case 'stop':
      return onStop(state, 'client_closed');
  }
}

/** When the machine next wants a `tick`; null: only an event can move it. */
export function nextDeadline({ phase }: ConnectionState): number | null {
  switch (phase.kind) {
    case 'idle':
    case 'closed':
      return null;
    case 'opening':
    case 'greeting':
      return phase.since + CONNECTION_TIMES.openDeadlineMs;
    case 'waiting':
      return phase.retryAt;
    case 'ready': {
      const next = phase.pongDueAt ?? pingDueAt(phase);
      return phase.leaveAt === null ? next : Math.min(next, phase.leaveAt);
    }
  }
}

type Ready = Extract<Phase, { kind: 'ready' }>;
type Open = Extract<Phase, { kind: 'opening' | 'greeting' | 'ready' }>;

function same(state: ConnectionState): Transition {
  return { state, effects: [] };
}

function to(state: ConnectionState, phase: Phase, ...effects: readonly ConnectionEffect[]): Transition {
  return { state: { ...state, phase }, effects };
}

function isOpen(phase: Phase): phase is Open {
  return phase.kind === 'opening' || phase.kind === 'greeting' || phase.kind === 'ready';
}

function pingDueAt(phase: Ready): number {
  return Math.min(phase.heardAt, phase.sentAt) + phase.heartbeatMs;
}

function onStart(state: ConnectionState, { now }: At): Transition {
  const { kind } = state.phase;
  if (kind !== 'idle' && kind !== 'closed') return same(state);
  return to(state, { kind: 'opening', attempt: 0, since: now }, { type: 'open' });
}

function onWelcome(state: ConnectionState, event: At & { readonly heartbeatMs: number }): Transition {
  if (state.phase.kind !== 'greeting') return same(state);
  const ready: Ready = {
    kind: 'ready',
    attempt: state.phase.attempt,
    since: event.now,
    heartbeatMs: Math.min(event.heartbeatMs, CONNECTION_TIMES.heartbeatMs),
    heardAt: event.now,
    sentAt: event.now,
    pongDueAt: null,
    leaveAt: null,
  };
  return to({ ...state, network: 'up' }, ready, { type: 'announce_ready' });
}

function onHeard(state: ConnectionState, { now }: At): Transition {
  if (state.phase.kind !== 'ready') return same(state);
  return to({ ...state, network: 'up' }, { ...state.phase, heardAt: now, pongDueAt: null });
}

function onLost(state: ConnectionState, event: At & { readonly closeCode: number }): Transition {
  if (!isOpen(state.phase)) return same(state);
  const final = finalCloseCode(event.closeCode);
  if (final !== undefined) return onStop(state, final);
  return waitAfter(state, event);
}

/** Drops the socket ourselves and comes back after a backoff. */
function give(state: ConnectionState, event: At, closeCode: number): Transition {
  const next = waitAfter(state, event);
  return { state: next.state, effects: [{ type: 'drop', closeCode }, ...next.effects] };
}

function waitAfter(state: ConnectionState, { now, random }: At): Transition {
  const { phase } = state;
  if (!isOpen(phase)) return same(state);
  const isReady = phase.kind === 'ready';
  const leaveAt = isReady ? phase.leaveAt : null;
  const { stableMs, servedMs } = CONNECTION_TIMES;
  const wasStable = isReady && now - phase.since >= (leaveAt === null ? stableMs : servedMs);
  const failed = wasStable ? 0 : phase.attempt;
  const backoff = fullJitterBackoff({
    attempt: failed,
    baseMs: CONNECTION_TIMES.backoffBaseMs,
    capMs: CONNECTION_TIMES.backoffCapMs,
    random: () => random,
  });
  // A gateway that is going away said when to come back; one that keeps saying so gets the backoff as well.
  const retryAt = leaveAt === null ? now + backoff : Math.max(leaveAt, failed === 0 ? now : now + backoff);
  const waiting: Phase = { kind: 'waiting', attempt: failed + 1, retryAt };
  return isReady ? to(state, waiting, { type: 'announce_lost' }) : to(state, waiting);
}

function onTick(state: ConnectionState, event: At): Transition {
  const due = nextDeadline(state);
  if (due === null || event.now < due) return same(state);
  if (state.phase.kind === 'waiting') return reopen(state, event);
  if (state.phase.kind === 'ready') return onReadyTick(state, state.phase, event);
  return give(state, event, SILENT);
}

function onReadyTick(state: ConnectionState, phase: Ready, event: At): Transition {
  if (phase.pongDueAt !== null && event.now >= phase.pongDueAt) return give(state, event, SILENT);
  if (phase.leaveAt !== null && event.now >= phase.leaveAt) return give(state, event, NORMAL);
  return probe(state, phase, event.now + CONNECTION_TIMES.pongDeadlineMs);
}

function probe(state: ConnectionState, phase: Ready, pongDueAt: number): Transition {
  const due = phase.pongDueAt === null ? pongDueAt : Math.min(pongDueAt, phase.pongDueAt);
  return to(state, { ...phase, pongDueAt: due }, { type: 'send_ping' });
}

function reopen(state: ConnectionState, { now }: At): Transition {
  if (state.phase.kind !== 'waiting') return same(state);
  return to(state, { kind: 'opening', attempt: state.phase.attempt, since: now }, { type: 'open' });
}

/** A reason to believe that connecting works now, and to doubt a connection that was open all along. */
function onHint(state: ConnectionState, event: At): Transition {
  if (state.phase.kind === 'waiting') return reopen(state, event);
  if (state.phase.kind !== 'ready') return same(state);
  return probe(state, state.phase, event.now + CONNECTION_TIMES.probeDeadlineMs);
}

/** The page may be wrong about a service on the same machine, so an open connection is probed, not dropped. */
function onOffline(state: ConnectionState, event: At): Transition {
  if (state.phase.kind !== 'ready') return same(state);
  return probe(state, state.phase, event.now + CONNECTION_TIMES.probeDeadlineMs);
}

function onStop(state: ConnectionState, code: string): Transition {
  const { phase } = state;
  if (phase.kind === 'closed') return same(state);
  const drop: ConnectionEffect[] = isOpen(phase) ? [{ type: 'drop', closeCode: NORMAL }] : [];
  return to(state, { kind: 'closed', code }, ...drop, { type: 'announce_closed', code });
}
