// What worker and guardian say to each other: one JSON line each, over the guardian's stdin and stdout.
import { z } from 'zod';

export const ToGuardian = z.discriminatedUnion('type', [
  /** Redis has just answered a heartbeat. */
  z.object({ type: z.literal('beat') }),
  /** A child lives: `pid` is the process we spawned, with everything below it. */
  z.object({
    type: z.literal('child'),
    sessionId: z.string(),
    childId: z.string(),
    pid: z.int().positive(),
  }),
  /** The child has ended. */
  z.object({ type: z.literal('gone'), sessionId: z.string() }),
  /** The worker has confirmed that it still owns the session: its child may go on. */
  z.object({ type: z.literal('thaw'), sessionId: z.string() }),
  /** Somebody else owns the session: its child must end, frozen or not. */
  z.object({ type: z.literal('kill'), sessionId: z.string() }),
]);
export type ToGuardian = z.infer<typeof ToGuardian>;

export const FromGuardian = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  /** No beat came in time: every child is stopped until the worker says otherwise. */
  z.object({ type: z.literal('frozen') }),
]);
export type FromGuardian = z.infer<typeof FromGuardian>;
