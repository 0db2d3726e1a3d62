// The session service, with a note of every command that was accepted.
import type { Audit } from '../access/audit.ts';
import type { SessionService } from './session-service.ts';

export function auditedSessions(sessions: SessionService, audit: Audit): SessionService {
  return {
    ...sessions,
    create: async (caller, request) => {
      const made = await sessions.create(caller, request);
      if (!made.duplicate) audit(caller, 'create', { sessionId: made.sessionId });
      return made;
    },
    prompt: async (caller, sessionId, prompt) => {
      const result = await sessions.prompt(caller, sessionId, prompt);
      const { promptId, whenBusy } = prompt;
      if (!result.duplicate) audit(caller, 'prompt', { sessionId, promptId, whenBusy });
      return result;
    },
    changePrompt: async (caller, sessionId, change) => {
      await sessions.changePrompt(caller, sessionId, change);
      audit(caller, change.type, { sessionId, promptId: change.promptId });
    },
    resumeQueue: async (caller, sessionId) => {
      await sessions.resumeQueue(caller, sessionId);
      audit(caller, 'resumeQueue', { sessionId });
    },
    set: async (caller, sessionId, changes) => {
      await sessions.set(caller, sessionId, changes);
      audit(caller, 'set', { ...changedWords(changes), sessionId });
    },
    abort: async (caller, sessionId, request) => {
      const result = await sessions.abort(caller, sessionId, request);
      const { queue, background } = request;
      audit(caller, 'abort', { sessionId, turnId: result.turnId, queue, background });
      return result;
    },
    decide: async (caller, sessionId, request) => {
      const result = await sessions.decide(caller, sessionId, request);
      const { approvalId, decision } = request;
      const scope = decision.kind === 'allow' ? decision.scope : null;
      if (!result.duplicate)
        audit(caller, 'decide', { sessionId, approvalId, decision: decision.kind, scope });
      return result;
    },
    share: async (caller, sessionId, shared) => {
      await sessions.share(caller, sessionId, shared);
      audit(caller, 'share', { sessionId, with: shared.userId, role: shared.role });
    },
    unshare: async (caller, sessionId, userId) => {
      await sessions.unshare(caller, sessionId, userId);
      audit(caller, 'unshare', { sessionId, with: userId });
    },
    remove: async (caller, sessionId) => {
      await sessions.remove(caller, sessionId);
      audit(caller, 'delete', { sessionId });
    },
  };
}

/** What a frame has beside the changes. */
const ENVELOPE = ['type', 'requestId', 'sessionId'];

/** Which fields were changed, and the words among them: a title is a text that a person wrote. */
function changedWords(changes: object): Record<string, string | boolean | readonly string[]> {
  const given = Object.entries(changes).filter(
    ([name, value]) => value !== undefined && !ENVELOPE.includes(name),
  );
  const words = given.filter(
    (field): field is [string, string | boolean] =>
      field[0] !== 'title' && (typeof field[1] === 'boolean' || typeof field[1] === 'string'),
  );
  return { fields: given.map(([name]) => name), ...Object.fromEntries(words) };
}
