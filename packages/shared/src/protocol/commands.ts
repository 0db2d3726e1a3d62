// Commands: intents for a session's owner, stored in its inbox by the gateway and read by the worker.
import { z } from 'zod';
import { Decision } from './approval.ts';
import { PromptContent, WhenBusy } from './content.ts';
import { ApprovalId, PromptId, TurnId, UserId } from './ids.ts';
import { SettingsChanges } from './settings.ts';

const by = { by: UserId };

export const Command = z.discriminatedUnion('type', [
  /** A person opened the session: start its child so that the first prompt finds it warm. */
  z.object({ type: z.literal('open'), ...by }),
  z.object({
    type: z.literal('prompt'),
    promptId: PromptId,
    content: PromptContent,
    /** Absent: it waits. A prompt that would rather be refused was refused by the gateway, or waits. */
    whenBusy: WhenBusy.extract(['steer', 'interrupt']).optional(),
    ...by,
  }),
  z.object({ type: z.literal('promptEdit'), promptId: PromptId, content: PromptContent, ...by }),
  z.object({ type: z.literal('promptCancel'), promptId: PromptId, ...by }),
  z.object({ type: z.literal('promptMove'), promptId: PromptId, before: PromptId.nullable(), ...by }),
  z.object({ type: z.literal('resumeQueue'), ...by }),
  z.object({
    type: z.literal('set'),
    title: z.string().optional(),
    archived: z.boolean().optional(),
    settings: SettingsChanges.optional(),
    ...by,
  }),
  z.object({
    type: z.literal('abort'),
    /** The turn that ran when the gateway read the frame; null: none did, so there is nothing to abort. */
    turnId: TurnId.nullable(),
    queue: z.enum(['keep', 'clear']),
    background: z.enum(['keep', 'stop']),
    ...by,
  }),
  /** Stored by the script that recorded the decision: it is the one that counts. */
  z.object({ type: z.literal('decide'), approvalId: ApprovalId, decision: Decision, ...by }),
  /** 0 minutes: from now on people are asked again. */
  z.object({ type: z.literal('bypass'), minutes: z.int().min(0), ...by }),
  z.object({ type: z.literal('delete'), ...by }),
]);
export type Command = z.infer<typeof Command>;
export type CommandOf<T extends Command['type']> = Extract<Command, { type: T }>;
