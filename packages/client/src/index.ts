// The TypeScript client of Holdfast, for browsers and Node. Adding an export is an API decision.
export { Client, type ClientOptions } from './client.ts';
export { systemClock, type Clock } from './clock.ts';
export type { Diagnostic } from './connection.ts';
export type { ConnectionStatus } from './connection-status.ts';
export { HoldfastError, type HoldfastErrorCode, type LocalErrorCode } from './errors.ts';
export type { From, SessionItem } from './feed.ts';
export {
  HttpApi,
  type AlwaysRule,
  type ApiKey,
  type AuditLine,
  type CreateOptions,
  type HistoryPage,
  type HttpApiOptions,
  type SessionDetails,
} from './http-api.ts';
export type { ItemStream } from './item-stream.ts';
export type { Observable } from './observable.ts';
export {
  EMPTY_CONVERSATION,
  reconcile,
  type Conversation,
  type ConversationInput,
  type LocalPrompt,
} from './reconcile.ts';
export type { AbortOptions, PromptOptions, Session } from './session.ts';
export type { SessionSnapshot, SessionStore } from './session-store.ts';
export { timelineOf, type TimelineRow } from './timeline.ts';
export type { Transport, TransportHandlers } from './transport.ts';
export type { WakeSignal, WakeSignals } from './wake-signals.ts';
export { createWebSocketTransport, type WebSocketConstructor } from './websocket-transport.ts';
