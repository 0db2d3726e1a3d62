// API keys: for programs of a user. What logs in is shown once, when the key is made.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ServiceError } from '@holdfast/shared/protocol';
import type { Credentials } from '@holdfast/shared/store';
import type { Audit } from '../access/audit.ts';
import { authorise, SCOPES } from '../access/authorise.ts';
import type { Authenticator } from '../auth/identity.ts';
import { stored } from '../sessions/storage.ts';
import { requireCaller } from './request-context.ts';

const DAY_MS = 24 * 3600 * 1000;
const KeyBody = z.object({
  name: z.string().trim().min(1).max(100),
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .transform((scopes) => [...new Set(scopes)]),
  /** Without it the key is good until it is revoked. */
  expiresInDays: z.number().positive().max(3_650).optional(),
});

export interface KeyRoutesDeps {
  readonly authenticator: Authenticator;
  readonly credentials: Credentials;
  readonly audit: Audit;
}

export function addKeyRoutes(
  app: FastifyInstance,
  { authenticator, credentials, audit }: KeyRoutesDeps,
): void {
  app.get('/v1/keys', async (request) => {
    const caller = await requireCaller(request, authenticator);
    authorise(caller, { action: 'manageKeys' });
    return { keys: await stored(async () => credentials.listKeys(caller.userId)) };
  });
  app.post('/v1/keys', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    authorise(caller, { action: 'manageKeys' });
    const { name, scopes, expiresInDays } = KeyBody.parse(request.body);
    const expiresAt = expiresInDays === undefined ? null : Math.round(Date.now() + expiresInDays * DAY_MS);
    const { userId } = caller;
    const made = await stored(async () => credentials.createKey({ userId, name, scopes, expiresAt }));
    if (made.status === 'full') throw new ServiceError('limit_reached', { details: { limit: 'keys' } });
    audit(caller, 'keyCreated', { keyId: made.key.id, scopes });
    return reply
      .status(201)
      .header('cache-control', 'no-store')
      .send({ ...made.key, key: made.secret });
  });
  app.delete<{ Params: { keyId: string } }>('/v1/keys/:keyId', async (request, reply) => {
    const caller = await requireCaller(request, authenticator);
    authorise(caller, { action: 'manageKeys' });
    const { userId } = caller;
    if (!(await stored(async () => credentials.revokeKey(userId, request.params.keyId)))) {
      throw new ServiceError('key_not_found');
    }
    audit(caller, 'keyRevoked', { keyId: request.params.keyId });
    return reply.status(204).send();
  });
}
