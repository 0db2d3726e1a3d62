// Frames from a client to the gateway: JSON text, one object each. Unknown keys are ignored, unknown types are not.
import { z } from 'zod';
import { PromptContent } from './content.ts';
import { CreateId, PromptId, RequestId, SessionId, TurnId } from './ids.ts';
import { Position } from './position.ts';
import { SessionSettings } from './settings.ts';

const request = { requestId: RequestId };
const onSession = { ...request, sessionId: SessionId };

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
});
export const AbortFrame = z.object({
  type: z.literal('abort'),
  ...onSession,
  /** The turn meant; without it, the one running when the gateway reads the frame. */
  turnId: TurnId.optional(),
  queue: z.enum(['keep', 'clear']).default('keep'),
  background: z.enum(['keep', 'stop']).default('keep'),
});
export const PingFrame = z.object({ type: z.literal('ping'), nonce: z.string().max(64).optional() });

export const ClientFrame = z.discriminatedUnion('type', [
  HelloFrame,
  CreateFrame,
  OpenFrame,
  AttachFrame,
  DetachFrame,
  PromptFrame,
  AbortFrame,
  PingFrame,
]);
export type ClientFrame = z.infer<typeof ClientFrame>;
/** A frame as a client writes it: defaults may be left out. */
export type ClientFrameInput = z.input<typeof ClientFrame>;
export const CLIENT_FRAME_TYPES: readonly ClientFrame['type'][] = ClientFrame.options.map(
  (option) => option.shape.type.value,
);
