// Frames from the gateway to a client: JSON text, one object each.
import { z } from 'zod';
import { SessionEvent } from './event.ts';
import { ApprovalId, ConnectionId, PromptId, RequestId, SessionId, TurnId, UserId } from './ids.ts';
import { Position } from './position.ts';
import { SessionRole } from './roles.ts';
import { WireError } from './errors.ts';
import { SessionStatus, SessionView } from './session-view.ts';

export const WelcomeFrame = z.object({
  type: z.literal('welcome'),
  version: z.int(),
  connectionId: ConnectionId,
  userId: UserId,
  /** The client should send something at least this often, and may give up after three times as long of silence. */
  heartbeatMs: z.int().positive(),
  maxFrameBytes: z.int().positive(),
});

/** Why a client must start over from the snapshot instead of going on from its position. */
export const ResetReason = z.enum(['new', 'trimmed', 'epoch', 'ahead']);
export type ResetReason = z.infer<typeof ResetReason>;

/** The answer to attach. Replay follows (`events`), or a `reset` and then events, and `caughtUp` after that. */
export const AttachedFrame = z.object({
  type: z.literal('attached'),
  requestId: RequestId,
  sessionId: SessionId,
  /** The head of the log when the attach was answered. */
  position: Position,
  status: SessionStatus,
  /** The caller's role in the session. */
  role: SessionRole.default('owner'),
});
export const ResetFrame = z.object({
  type: z.literal('reset'),
  sessionId: SessionId,
  reason: ResetReason,
  /** The place of the snapshot: later events follow. */
  position: Position,
  snapshot: SessionView,
});
export const EventsFrame = z.object({
  type: z.literal('events'),
  sessionId: SessionId,
  epoch: z.string(),
  events: z.array(SessionEvent),
});
export const CaughtUpFrame = z.object({
  type: z.literal('caughtUp'),
  sessionId: SessionId,
  position: Position,
});
export const AckFrame = z.object({
  type: z.literal('ack'),
  requestId: RequestId,
  sessionId: SessionId.optional(),
  promptId: PromptId.optional(),
  turnId: TurnId.nullable().optional(),
  approvalId: ApprovalId.optional(),
  /** True when the same request had been accepted before and nothing was done again. */
  duplicate: z.boolean().optional(),
});
export const ErrorFrame = WireError.extend({
  type: z.literal('error'),
  requestId: RequestId.optional(),
  sessionId: SessionId.optional(),
});
export const GoingAwayFrame = z.object({
  type: z.literal('goingAway'),
  /** When to reconnect: spread so that a restart is no herd. */
  reconnectAfterMs: z.int().min(0),
});
export const PongFrame = z.object({ type: z.literal('pong'), nonce: z.string().optional() });

export const ServerFrame = z.discriminatedUnion('type', [
  WelcomeFrame,
  AttachedFrame,
  ResetFrame,
  EventsFrame,
  CaughtUpFrame,
  AckFrame,
  ErrorFrame,
  GoingAwayFrame,
  PongFrame,
]);
export type ServerFrame = z.infer<typeof ServerFrame>;
export const SERVER_FRAME_TYPES: readonly ServerFrame['type'][] = ServerFrame.options.map(
  (option) => option.shape.type.value,
);

/** One session as lists and `GET /v1/sessions/:id` show it. */
export const SessionSummary = z.object({
  sessionId: SessionId,
  ownerId: UserId.optional(),
  /** The caller's role in the session; a service from before there were roles shows only one's own. */
  role: SessionRole.optional(),
  title: z.string().nullable(),
  cwd: z.string(),
  status: SessionStatus,
  /** Put away: lists leave it out unless asked for. */
  archived: z.boolean().default(false),
  createdAt: z.number(),
  updatedAt: z.number(),
  position: Position,
});
export type SessionSummary = z.infer<typeof SessionSummary>;
