// Frames from a client to the gateway: JSON text, one object each. Unknown keys are ignored, unknown types are not.
import { z } from 'zod';
import { Decision } from './approval.ts';
import { PromptContent, WhenBusy } from './content.ts';
import { ApprovalId, CreateId, PromptId, RequestId, SessionId, TurnId, UserId } from './ids.ts';
import { Position } from './position.ts';
import { SharedRole } from './roles.ts';
import { SessionSettings, settingsChanges } from './settings.ts';

const request = { requestId: RequestId };
const onSession = { ...request, sessionId: SessionId };

/** What a person can change of a session. A field that is absent stays as it is. */
const sessionChanges = {
  title: z.string().trim().min(1).max(200).optional(),
  archived: z.boolean().optional(),
  ...settingsChanges,
};
/** The same as the body of an HTTP request. */
export const SessionChanges = z.object(sessionChanges);
export type SessionChanges = z.infer<typeof SessionChanges>;

export const HelloFrame = z.object({
  type: z.literal('hello'),
  version: z.int(),
  token: z.string().max(8192).optional(),
  client: z.string().max(100).optional(),
});
export const CreateFrame = z.object({
  type: z.literal('create'),
  ...request,
  createId: CreateId,
  cwd: z.string().min(1).max(4096).optional(),
  title: z.string().trim().min(1).max(200).optional(),
  settings: SessionSettings.optional(),
});
export const OpenFrame = z.object({ type: z.literal('open'), ...onSession });
export const AttachFrame = z.object({
  type: z.literal('attach'),
  ...onSession,
  position: Position.optional(),
});
export const DetachFrame = z.object({ type: z.literal('detach'), ...onSession });
export const PromptFrame = z.object({
  type: z.literal('prompt'),
  ...onSession,
  promptId: PromptId,
  content: PromptContent,
  whenBusy: WhenBusy.default('queue'),
});
export const PromptEditFrame = z.object({
  type: z.literal('promptEdit'),
  ...onSession,
  promptId: PromptId,
  content: PromptContent,
});
export const PromptCancelFrame = z.object({
  type: z.literal('promptCancel'),
  ...onSession,
  promptId: PromptId,
});
export const PromptMoveFrame = z.object({
  type: z.literal('promptMove'),
  ...onSession,
  promptId: PromptId,
  /** The waiting prompt to stand in front of; null: the end of the queue. */
  before: PromptId.nullable(),
});
export const ResumeQueueFrame = z.object({ type: z.literal('resumeQueue'), ...onSession });
export const SetFrame = z.object({ type: z.literal('set'), ...onSession, ...sessionChanges });
export const AbortFrame = z.object({
  type: z.literal('abort'),
  ...onSession,
  /** The turn meant; without it, the one running when the gateway reads the frame. */
  turnId: TurnId.optional(),
  queue: z.enum(['keep', 'clear']).default('keep'),
  background: z.enum(['keep', 'stop']).default('keep'),
});
/** What a client sends to decide an approval; also the body of the HTTP request. */
const decide = {
  decision: Decision,
  /** The input that the person saw; another one is refused. */
  inputDigest: z.string().max(100).optional(),
};
export const DecideBody = z.object(decide);
export const DecideFrame = z.object({
  type: z.literal('decide'),
  ...onSession,
  approvalId: ApprovalId,
  ...decide,
});
/** Another access token of the same user, before the one in use ends. */
export const RefreshFrame = z.object({
  type: z.literal('refresh'),
  ...request,
  token: z.string().min(1).max(8192),
});
export const ShareFrame = z.object({
  type: z.literal('share'),
  ...onSession,
  userId: UserId,
  role: SharedRole,
});
export const UnshareFrame = z.object({ type: z.literal('unshare'), ...onSession, userId: UserId });
/** Longest time for which permissions can be bypassed, in minutes; the operator may allow less. */
export const MAX_BYPASS_MINUTES = 1_440;
const bypass = { minutes: z.int().min(0).max(MAX_BYPASS_MINUTES) };
export const BypassBody = z.object(bypass);
/** Lets everything through that a person would be asked for; 0 minutes end it. */
export const BypassFrame = z.object({ type: z.literal('bypass'), ...onSession, ...bypass });
export const PingFrame = z.object({ type: z.literal('ping'), nonce: z.string().max(64).optional() });

export const ClientFrame = z.discriminatedUnion('type', [
  HelloFrame,
  CreateFrame,
  OpenFrame,
  AttachFrame,
  DetachFrame,
  PromptFrame,
  PromptEditFrame,
  PromptCancelFrame,
  PromptMoveFrame,
  ResumeQueueFrame,
  AbortFrame,
  DecideFrame,
  BypassFrame,
  SetFrame,
  ShareFrame,
  UnshareFrame,
  RefreshFrame,
  PingFrame,
]);
export type ClientFrame = z.infer<typeof ClientFrame>;
/** A frame as a client writes it: defaults may be left out. */
export type ClientFrameInput = z.input<typeof ClientFrame>;
export const CLIENT_FRAME_TYPES: readonly ClientFrame['type'][] = ClientFrame.options.map(
  (option) => option.shape.type.value,
);
