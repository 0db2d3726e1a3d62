// The audit trail for operators: as JSON lines, oldest first.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { UserId } from '@holdfast/shared/protocol';
import type { AuditLog } from '@holdfast/shared/store';
import { authorise } from '../access/authorise.ts';
import type { Authenticator } from '../auth/identity.ts';
import { stored } from '../sessions/storage.ts';
import { requireCaller } from './request-context.ts';

export interface AuditRouteDeps {
  readonly authenticator: Authenticator;
  readonly auditLog: AuditLog;
  readonly isAdmin: (userId: UserId) => boolean;
}

const Query = z.object({
  after: z
    .string()
    .regex(/^\d{1,20}-\d{1,20}$/)
    .optional(),
});

export function addAuditRoute(app: FastifyInstance, deps: AuditRouteDeps): void {
  app.get('/v1/audit', async (request, reply) => {
    const caller = await requireCaller(request, deps.authenticator);
    authorise(caller, { action: 'readAudit', isAdmin: deps.isAdmin(caller.userId) });
    const { after } = Query.parse(request.query);
    const page = await stored(async () => deps.auditLog.read(after ?? null));
    const lines = page.map(({ id, entry }) => `${JSON.stringify({ id, ...entry })}\n`);
    return reply
      .header('cache-control', 'no-store')
      .type('application/x-ndjson; charset=utf-8')
      .send(lines.join(''));
  });
}
