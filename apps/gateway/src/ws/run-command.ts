// Commands of a WebSocket client: one call of the session service each, answered by an ack.
import type { AckFrame, ClientFrame, UserId } from '@holdfast/shared/protocol';
import type { z } from 'zod';
import type { SessionService } from '../sessions/session-service.ts';

export type CommandFrame = Extract<ClientFrame, { type: 'create' | 'open' | 'prompt' | 'abort' }>;

/** Runs the command; throws ServiceError. */
export async function runCommand(
  sessions: SessionService,
  userId: UserId,
  frame: CommandFrame,
): Promise<z.infer<typeof AckFrame>> {
  const { requestId } = frame;
  switch (frame.type) {
    case 'create': {
      const { createId, cwd, title, settings } = frame;
      const { sessionId, duplicate } = await sessions.create(userId, { createId, cwd, title, settings });
      return { type: 'ack', requestId, sessionId, duplicate };
    }
    case 'open':
      await sessions.open(userId, frame.sessionId);
      return { type: 'ack', requestId, sessionId: frame.sessionId };
    case 'prompt': {
      const { sessionId, promptId } = frame;
      const { duplicate } = await sessions.prompt(userId, sessionId, frame);
      return { type: 'ack', requestId, sessionId, promptId, duplicate };
    }
    case 'abort': {
      const { turnId } = await sessions.abort(userId, frame.sessionId, frame);
      return { type: 'ack', requestId, sessionId: frame.sessionId, turnId };
    }
  }
}
