// Commands of a WebSocket client: one call of the session service each, answered by an ack.
import { assertNever } from '@holdfast/shared/util';
import type { AckFrame, ClientFrame } from '@holdfast/shared/protocol';
import type { z } from 'zod';
import type { Caller } from '../access/authorise.ts';
import type { SessionService } from '../sessions/session-service.ts';

export type CommandFrame = Exclude<ClientFrame, { type: 'hello' | 'refresh' | 'attach' | 'detach' | 'ping' }>;

/** Runs the command; throws ServiceError. */
export async function runCommand(
  sessions: SessionService,
  caller: Caller,
  frame: CommandFrame,
): Promise<z.infer<typeof AckFrame>> {
  const { requestId } = frame;
  switch (frame.type) {
    case 'create': {
      const { createId, cwd, title, settings } = frame;
      const { sessionId, duplicate } = await sessions.create(caller, { createId, cwd, title, settings });
      return { type: 'ack', requestId, sessionId, duplicate };
    }
    case 'open':
      await sessions.open(caller, frame.sessionId);
      return { type: 'ack', requestId, sessionId: frame.sessionId };
    case 'prompt': {
      const { sessionId, promptId } = frame;
      const { duplicate } = await sessions.prompt(caller, sessionId, frame);
      return { type: 'ack', requestId, sessionId, promptId, duplicate };
    }
    case 'abort': {
      const { turnId } = await sessions.abort(caller, frame.sessionId, frame);
      return { type: 'ack', requestId, sessionId: frame.sessionId, turnId };
    }
    case 'promptEdit':
    case 'promptCancel':
    case 'promptMove': {
      const { sessionId, promptId } = frame;
      await sessions.changePrompt(caller, sessionId, frame);
      return { type: 'ack', requestId, sessionId, promptId };
    }
    case 'decide': {
      const { sessionId, approvalId } = frame;
      const { duplicate } = await sessions.decide(caller, sessionId, frame);
      return { type: 'ack', requestId, sessionId, approvalId, duplicate };
    }
    case 'resumeQueue':
      await sessions.resumeQueue(caller, frame.sessionId);
      return { type: 'ack', requestId, sessionId: frame.sessionId };
    case 'bypass':
      await sessions.bypass(caller, frame.sessionId, frame.minutes);
      return { type: 'ack', requestId, sessionId: frame.sessionId };
    case 'set':
      await sessions.set(caller, frame.sessionId, frame);
      return { type: 'ack', requestId, sessionId: frame.sessionId };
    case 'share': {
      const { sessionId, userId, role } = frame;
      await sessions.share(caller, sessionId, { userId, role });
      return { type: 'ack', requestId, sessionId };
    }
    case 'unshare':
      await sessions.unshare(caller, frame.sessionId, frame.userId);
      return { type: 'ack', requestId, sessionId: frame.sessionId };
    default:
      return assertNever(frame);
  }
}
