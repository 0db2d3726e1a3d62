// For orchestrators: is the process alive, and should it get traffic.
import type { FastifyInstance } from 'fastify';
import type { Redis, Subscriber } from '@holdfast/shared/store';
import { withDeadline } from '@holdfast/shared/util';

const PING_DEADLINE_MS = 1_000;

export interface HealthRoutesDeps {
  readonly redis: Redis;
  readonly subscriber: Subscriber;
  readonly isDraining: () => boolean;
  /** What people should know although requests are served: a sentence each. */
  readonly warnings: () => readonly string[];
}

export function addHealthRoutes(app: FastifyInstance, deps: HealthRoutesDeps): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const problems = await findProblems(deps);
    const warnings = deps.warnings();
    const told = warnings.length === 0 ? {} : { warnings };
    if (problems.length === 0) return { status: 'ready', ...told };
    return reply.status(503).send({ status: 'not_ready', problems });
  });
}

async function findProblems(deps: HealthRoutesDeps): Promise<string[]> {
  const problems: string[] = [];
  if (deps.isDraining()) problems.push('The gateway is stopping.');
  try {
    await withDeadline(deps.redis.ping(), { limitMs: PING_DEADLINE_MS, what: 'PING' });
  } catch {
    problems.push('Redis does not answer.');
  }
  if (!deps.subscriber.isHealthy()) problems.push('The subscription to live events is not up.');
  return problems;
}
