// What people are told about the connection: derived from the machine's state, never kept beside it.
import type { ConnectionState } from './connection-state.ts';

export type ConnectionStatus =
  | { readonly kind: 'connecting' }
  /** Connected, but the session shown is still being replayed. */
  | { readonly kind: 'catching_up' }
  | { readonly kind: 'live' }
  /** `retryAt`: ms since 1970 of the next try, in the past while that one runs. */
  | { readonly kind: 'reconnecting'; readonly retryAt: number; readonly attempt: number }
  /** The device says that it has no network, and nothing heard since contradicts it. */
  | { readonly kind: 'offline' }
  /** Over for good: `client_closed`, or the code of the error that ended it (`unauthenticated`, …). */
  | { readonly kind: 'closed'; readonly code: string };

/** The status of the connection itself; sessions add `catching_up` to it. */
export function statusOfConnection({ network, phase }: ConnectionState): ConnectionStatus {
  if (phase.kind === 'closed') return { kind: 'closed', code: phase.code };
  if (network === 'down') return { kind: 'offline' };
  switch (phase.kind) {
    case 'ready':
      return { kind: 'live' };
    case 'waiting':
      return { kind: 'reconnecting', retryAt: phase.retryAt, attempt: phase.attempt };
    case 'opening':
    case 'greeting':
      if (phase.attempt > 0) return { kind: 'reconnecting', retryAt: phase.since, attempt: phase.attempt };
      return { kind: 'connecting' };
    case 'idle':
      return { kind: 'connecting' };
  }
}

export function isSameStatus(one: ConnectionStatus, other: ConnectionStatus): boolean {
  if (one.kind === 'reconnecting' && other.kind === 'reconnecting') {
    return one.retryAt === other.retryAt && one.attempt === other.attempt;
  }
  if (one.kind === 'closed' && other.kind === 'closed') return one.code === other.code;
  return one.kind === other.kind;
}
