// Completed messages of a session, paged backwards: they stay readable after the log was trimmed.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { Offset } from '@holdfast/shared/protocol';
import { stored } from '../sessions/storage.ts';
import { requireCaller, sessionIdOf } from './request-context.ts';
import type { SessionRoutesDeps } from './sessions.ts';

const MAX_LIMIT = 200;
const Query = z.object({
  before: z.coerce.number().pipe(Offset).optional(),
  limit: z.coerce.number().pipe(z.int().min(1).max(MAX_LIMIT)).default(50),
});

export function addHistoryRoute(app: FastifyInstance, deps: SessionRoutesDeps): void {
  const { sessions, log, authenticator } = deps;
  app.get<{ Params: { id: string } }>('/v1/sessions/:id/history', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const sessionId = sessionIdOf(request);
    const { before, limit } = Query.parse(request.query);
    await sessions.checkReader(caller, sessionId);
    // One more than asked for tells whether there are older ones.
    const found = await stored(async () =>
      log.readHistory({ sessionId, before: before ?? null, limit: limit + 1 }),
    );
    const page = found.slice(-limit);
    const first = page[0]?.offset ?? null;
    // Stored frames are JSON already: they are joined, not parsed.
    const events = page.map((entry) => entry.frame).join(',');
    const body = `{"events":[${events}],"first":${first},"more":${found.length > limit}}`;
    return reply.type('application/json; charset=utf-8').send(body);
  });
}
