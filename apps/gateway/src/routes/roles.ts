// Sharing a session over HTTP.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { SharedRole, UserId } from '@holdfast/shared/protocol';
import { requireCaller, sessionIdOf } from './request-context.ts';
import type { SessionRoutesDeps } from './sessions.ts';

interface ByUser {
  Params: { id: string; userId: string };
}

const RoleBody = z.object({ role: SharedRole });

export function addRoleRoutes(
  app: FastifyInstance,
  { sessions, authenticator }: Pick<SessionRoutesDeps, 'sessions' | 'authenticator'>,
): void {
  app.get<{ Params: { id: string } }>('/v1/sessions/:id/roles', async (request) => {
    const caller = await requireCaller(request, authenticator);
    return { roles: await sessions.sharedWith(caller, sessionIdOf(request)) };
  });
  app.put<ByUser>('/v1/sessions/:id/roles/:userId', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const userId = UserId.parse(request.params.userId);
    const { role } = RoleBody.parse(request.body);
    await sessions.share(caller, sessionIdOf(request), { userId, role });
    return reply.status(204).send();
  });
  app.delete<ByUser>('/v1/sessions/:id/roles/:userId', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const userId = UserId.parse(request.params.userId);
    await sessions.unshare(caller, sessionIdOf(request), userId);
    return reply.status(204).send();
  });
}
