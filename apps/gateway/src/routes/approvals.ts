// Decisions over HTTP, and the rules that a user always allows.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ApprovalId, BypassBody, DecideBody, ServiceError, ToolRule } from '@holdfast/shared/protocol';
import type { UserRules } from '@holdfast/shared/store';
import { authorise } from '../access/authorise.ts';
import type { Authenticator } from '../auth/identity.ts';
import type { SessionService } from '../sessions/session-service.ts';
import { stored } from '../sessions/storage.ts';
import { requireCaller, sessionIdOf } from './request-context.ts';

export interface ApprovalRoutesDeps {
  readonly sessions: SessionService;
  readonly rules: UserRules;
  readonly authenticator: Authenticator;
}

const RuleBody = z.object({ cwd: z.string().min(1).max(4096), rule: ToolRule });

export function addApprovalRoutes(app: FastifyInstance, deps: ApprovalRoutesDeps): void {
  const { sessions, rules, authenticator } = deps;
  app.post<{ Params: { id: string; approvalId: string } }>(
    '/v1/sessions/:id/approvals/:approvalId',
    async (request, reply) => {
      const caller = await requireCaller(request, authenticator);
      const approvalId = ApprovalId.safeParse(request.params.approvalId);
      const body = DecideBody.parse(request.body);
      const sessionId = sessionIdOf(request);
      if (!approvalId.success) throw new ServiceError('approval_not_found');
      const decided = await sessions.decide(caller, sessionId, { approvalId: approvalId.data, ...body });
      return reply.status(202).send({ approvalId: approvalId.data, ...decided });
    },
  );
  app.post<{ Params: { id: string } }>('/v1/sessions/:id/bypass', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    const { minutes } = BypassBody.parse(request.body);
    await sessions.bypass(caller, sessionIdOf(request), minutes);
    return reply.status(202).send({});
  });
  app.get('/v1/rules', async (request) => {
    const caller = await requireCaller(request, authenticator);
    authorise(caller, { action: 'readRules' });
    return { rules: await stored(async () => rules.list(caller.userId)) };
  });
  app.delete('/v1/rules', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    authorise(caller, { action: 'changeRules' });
    const rule = RuleBody.parse(request.body);
    const { userId } = caller;
    if (!(await stored(async () => rules.remove(userId, rule)))) throw new ServiceError('rule_not_found');
    return reply.status(204).send();
  });
}
