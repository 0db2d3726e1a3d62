// What the guardian decides, without doing it. Pure: time comes in as an argument.
//
//   guarding --(no beat for FREEZE_AFTER_MS)--> frozen --(thaw of each child by the worker)--> guarding
//   any      --(end of the pipe)-------------> over: kill everything, end the lease
import { assertNever } from '@holdfast/shared/util';
import type { ToGuardian } from './messages.ts';

/** Before anybody may claim (leases last 10 s from the same beat), every child has stopped. */
export const FREEZE_AFTER_MS = 6_000;

/** A child's process tree: running, or stopped by us. */
interface GuardedChild {
  readonly childId: string;
  readonly pid: number;
  readonly isFrozen: boolean;
}

export interface GuardianState {
  readonly lastBeat: number;
  readonly children: ReadonlyMap<string, GuardedChild>;
}

/** What is to be done to a child's whole process tree. */
export interface GuardianEffect {
  readonly signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL';
  readonly childId: string;
  readonly pid: number;
}

export interface GuardianStep {
  readonly state: GuardianState;
  readonly effects: readonly GuardianEffect[];
}

export function initialGuardian(now: number): GuardianState {
  return { lastBeat: now, children: new Map() };
}

/** A line from the worker. A child that is announced while beats are missing is stopped at the next tick. */
export function onMessage(state: GuardianState, message: ToGuardian, now: number): GuardianStep {
  switch (message.type) {
    case 'beat':
      return { state: { ...state, lastBeat: now }, effects: [] };
    case 'child':
      return withChild(state, message.sessionId, {
        childId: message.childId,
        pid: message.pid,
        isFrozen: false,
      });
    case 'gone':
      return withChild(state, message.sessionId, null);
    case 'thaw': {
      const child = state.children.get(message.sessionId);
      if (child === undefined || !child.isFrozen) return { state, effects: [] };
      const step = withChild(state, message.sessionId, { ...child, isFrozen: false });
      return { ...step, effects: [{ signal: 'SIGCONT', childId: child.childId, pid: child.pid }] };
    }
    case 'kill': {
      const child = state.children.get(message.sessionId);
      if (child === undefined) return { state, effects: [] };
      return { state, effects: [{ signal: 'SIGKILL', childId: child.childId, pid: child.pid }] };
    }
    default:
      return assertNever(message);
  }
}

/** Time passes: without a beat for too long, every running child is stopped. */
export function onTick(state: GuardianState, now: number): GuardianStep {
  if (now - state.lastBeat < FREEZE_AFTER_MS) return { state, effects: [] };
  const running = [...state.children].filter(([, child]) => !child.isFrozen);
  if (running.length === 0) return { state, effects: [] };
  const children = new Map(state.children);
  for (const [sessionId, child] of running) children.set(sessionId, { ...child, isFrozen: true });
  const effects = running.map(([, { childId, pid }]) => ({ signal: 'SIGSTOP' as const, childId, pid }));
  return { state: { ...state, children }, effects };
}

function withChild(state: GuardianState, sessionId: string, child: GuardedChild | null): GuardianStep {
  const children = new Map(state.children);
  if (child === null) children.delete(sessionId);
  else children.set(sessionId, child);
  return { state: { ...state, children }, effects: [] };
}
