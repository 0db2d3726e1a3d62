// What a WebSocket connection may do, by its state. Pure.
//
//   awaiting_hello --hello accepted--> ready --end--> closing        awaiting_hello --end--> closing
import type { ClientFrame, ErrorCode } from '@holdfast/shared/protocol';
import type { Identity } from '../auth/identity.ts';

export type ConnectionState =
  | { readonly kind: 'awaiting_hello' }
  | { readonly kind: 'ready'; readonly identity: Identity }
  /** `cause` is what ended the connection first; undefined when the peer did. */
  | { readonly kind: 'closing'; readonly cause: ErrorCode | undefined };

export type ConnectionEvent =
  | { readonly kind: 'hello_accepted'; readonly identity: Identity }
  /** Another credential of the same user. */
  | { readonly kind: 'refreshed'; readonly identity: Identity }
  | { readonly kind: 'ended'; readonly cause: ErrorCode | undefined };

export function nextConnectionState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  switch (event.kind) {
    case 'hello_accepted':
      return state.kind === 'awaiting_hello' ? { kind: 'ready', identity: event.identity } : state;
    case 'refreshed':
      return state.kind === 'ready' ? { kind: 'ready', identity: event.identity } : state;
    case 'ended':
      return state.kind === 'closing' ? state : { kind: 'closing', cause: event.cause };
  }
}

/** What to do with a well-formed frame. */
export type Admission =
  | { readonly act: 'authenticate' }
  | { readonly act: 'handle'; readonly identity: Identity }
  | { readonly act: 'refuse'; readonly code: ErrorCode }
  | { readonly act: 'ignore' };

export function admitFrame(state: ConnectionState, type: ClientFrame['type']): Admission {
  switch (state.kind) {
    case 'awaiting_hello':
      return type === 'hello' ? { act: 'authenticate' } : { act: 'refuse', code: 'hello_expected' };
    case 'ready':
      return type === 'hello'
        ? { act: 'refuse', code: 'hello_repeated' }
        : { act: 'handle', identity: state.identity };
    case 'closing':
      return { act: 'ignore' };
  }
}
