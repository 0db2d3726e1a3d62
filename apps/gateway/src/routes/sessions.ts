// Sessions over HTTP: input checked, one call of the session service, output.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  applyEvent,
  CreateId,
  EMPTY_VIEW,
  PromptContent,
  PromptId,
  ServiceError,
  SessionChanges,
  SessionSettings,
  SessionView,
  SNAPSHOT_LIMITS,
  TurnId,
  tryParseEvent,
  WhenBusy,
  type Position,
  type SessionId,
} from '@holdfast/shared/protocol';
import { summaryOf, type EventLog, type ResumeResult } from '@holdfast/shared/store';
import type { Authenticator } from '../auth/identity.ts';
import type { SessionService } from '../sessions/session-service.ts';
import { stored } from '../sessions/storage.ts';
import { addRoleRoutes } from './roles.ts';
import { requireCaller, sessionIdOf } from './request-context.ts';

export interface SessionRoutesDeps {
  readonly sessions: SessionService;
  readonly log: EventLog;
  readonly authenticator: Authenticator;
}

interface ById {
  Params: { id: string };
}
interface ByPrompt {
  Params: { id: string; promptId: string };
}

const CreateBody = z.object({
  createId: CreateId,
  cwd: z.string().min(1).max(4096).optional(),
  title: z.string().trim().min(1).max(200).optional(),
  settings: SessionSettings.optional(),
});
const PromptBody = z.object({
  promptId: PromptId,
  content: PromptContent,
  whenBusy: WhenBusy.default('queue'),
});
const EditBody = z.object({ content: PromptContent });
const MoveBody = z.object({ before: PromptId.nullable() });
const ListQuery = z.object({ archived: z.enum(['true', 'false']).default('false') });
const AbortBody = z.object({
  turnId: TurnId.optional(),
  queue: z.enum(['keep', 'clear']).default('keep'),
  background: z.enum(['keep', 'stop']).default('keep'),
});

export function addSessionRoutes(app: FastifyInstance, deps: SessionRoutesDeps): void {
  const { sessions, authenticator } = deps;
  app.post('/v1/sessions', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const created = await sessions.create(caller, CreateBody.parse(request.body));
    return reply.status(created.duplicate ? 200 : 201).send(created);
  });
  app.get('/v1/sessions', async (request) => {
    const caller = await requireCaller(request, authenticator);
    const { archived } = ListQuery.parse(request.query);
    return { sessions: await sessions.list(caller, archived === 'true') };
  });
  app.get<ById>('/v1/sessions/:id', async (request) => {
    const caller = await requireCaller(request, authenticator);
    const { meta, role } = await sessions.read(caller, sessionIdOf(request));
    const [view, alive] = await Promise.all([
      readView(deps.log, meta.sessionId),
      sessions.isOwnerAlive(meta),
    ]);
    const owner = { workerId: meta.owner?.workerId ?? null, alive };
    const inbox = { unread: meta.inboxHead - meta.inboxAcked };
    return { session: summaryOf(meta, role), view, owner, inbox };
  });
  app.delete<ById>('/v1/sessions/:id', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    await sessions.remove(caller, sessionIdOf(request));
    return reply.status(204).send();
  });
  app.patch<ById>('/v1/sessions/:id', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    await sessions.set(caller, sessionIdOf(request), SessionChanges.parse(request.body ?? {}));
    return reply.status(202).send({});
  });
  addCommandRoutes(app, deps);
  addQueueRoutes(app, deps);
  addRoleRoutes(app, deps);
}

function addCommandRoutes(app: FastifyInstance, { sessions, authenticator }: SessionRoutesDeps): void {
  app.post<ById>('/v1/sessions/:id/open', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    await sessions.open(caller, sessionIdOf(request));
    return reply.status(202).send({});
  });
  app.post<ById>('/v1/sessions/:id/prompts', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const prompt = PromptBody.parse(request.body);
    const { duplicate } = await sessions.prompt(caller, sessionIdOf(request), prompt);
    return reply.status(202).send({ promptId: prompt.promptId, duplicate });
  });
  app.post<ById>('/v1/sessions/:id/abort', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const body = AbortBody.parse(request.body ?? {});
    return reply.status(202).send(await sessions.abort(caller, sessionIdOf(request), body));
  });
}

function addQueueRoutes(app: FastifyInstance, { sessions, authenticator }: SessionRoutesDeps): void {
  app.patch<ByPrompt>('/v1/sessions/:id/prompts/:promptId', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const promptId = promptIdOf(request.params.promptId);
    const { content } = EditBody.parse(request.body);
    await sessions.changePrompt(caller, sessionIdOf(request), { type: 'promptEdit', promptId, content });
    return reply.status(202).send({ promptId });
  });
  app.delete<ByPrompt>('/v1/sessions/:id/prompts/:promptId', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const promptId = promptIdOf(request.params.promptId);
    await sessions.changePrompt(caller, sessionIdOf(request), { type: 'promptCancel', promptId });
    return reply.status(202).send({ promptId });
  });
  app.post<ByPrompt>('/v1/sessions/:id/prompts/:promptId/move', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const promptId = promptIdOf(request.params.promptId);
    const { before } = MoveBody.parse(request.body);
    await sessions.changePrompt(caller, sessionIdOf(request), { type: 'promptMove', promptId, before });
    return reply.status(202).send({ promptId });
  });
  app.post<ById>('/v1/sessions/:id/queue/resume', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    await sessions.resumeQueue(caller, sessionIdOf(request));
    return reply.status(202).send({});
  });
}

/** A text that is no prompt id names no prompt that waits. */
function promptIdOf(text: string): PromptId {
  const parsed = PromptId.safeParse(text);
  if (!parsed.success) throw new ServiceError('prompt_not_queued');
  return parsed.data;
}

const VIEW_PAGE = 1_000;

/** The session's view as of now: the stored snapshot and the events after it, folded by the one reducer. */
async function readView(log: EventLog, sessionId: SessionId): Promise<SessionView> {
  let view = EMPTY_VIEW;
  let position: Position | null = null;
  for (;;) {
    const at: Position | null = position;
    const page: ResumeResult = await stored(async () =>
      log.resume({ sessionId, userId: null, position: at, limit: VIEW_PAGE }),
    );
    if (page.status === 'not_found') throw new ServiceError('session_not_found');
    if (page.status === 'reset') {
      view = page.snapshot === null ? EMPTY_VIEW : SessionView.parse(JSON.parse(page.snapshot));
    }
    const start = page.status === 'reset' ? page.snapshotOffset : (at?.offset ?? 0);
    const offset: number = start + page.frames.length;
    for (const frame of page.frames) {
      const event = tryParseEvent(JSON.parse(frame));
      if (event !== undefined) view = applyEvent(view, event, SNAPSHOT_LIMITS);
    }
    position = { epoch: page.epoch, offset };
    if (offset >= page.head) return view;
  }
}
