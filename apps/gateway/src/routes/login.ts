// Logging a browser in and out. What it keeps is a cookie with a login of its own, never the token it came with.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ServiceError } from '@holdfast/shared/protocol';
import type { Credentials } from '@holdfast/shared/store';
import type { Audit } from '../access/audit.ts';
import { SCOPES } from '../access/authorise.ts';
import { cookieToken, loginCookie } from '../auth/credentials.ts';
import type { Authenticator, Identity } from '../auth/identity.ts';
import { stored } from '../sessions/storage.ts';
import { requireCaller } from './request-context.ts';
import { sendLoginFailed } from './status-page.ts';

/** A login that has no end of its own ends after this. */
const LOGIN_LIFE_MS = 30 * 24 * 3600 * 1000;

export interface LoginRoutesDeps {
  readonly authenticator: Authenticator;
  readonly credentials: Credentials;
  readonly audit: Audit;
  /** Whether a token may stand in a link: the local one, that `holdfast login-link` prints, may. */
  readonly hasLoginLink: boolean;
}

const TokenInput = z.object({ token: z.string().min(1).max(8192) });

export function addLoginRoutes(app: FastifyInstance, deps: LoginRoutesDeps): void {
  const { authenticator, credentials } = deps;
  const { address } = authenticator;
  const refuseForeign = (request: FastifyRequest): void => {
    if (address.isForeignOrigin(request.headers)) throw new ServiceError('origin_refused');
  };
  app.get('/login', async (request, reply) => {
    const token = deps.hasLoginLink ? TokenInput.safeParse(request.query).data?.token : undefined;
    const identity = await logIn(deps, token, request);
    if (identity === undefined) {
      if (request.headers.accept?.includes('text/html') !== true) throw new ServiceError('unauthenticated');
      return sendLoginFailed(reply.status(401));
    }
    await setLoginCookie(reply, deps, identity);
    return reply.header('referrer-policy', 'no-referrer').redirect(`${address.basePath}/`, 303);
  });
  app.post('/login', async (request, reply) => {
    refuseForeign(request);
    const identity = await logIn(deps, TokenInput.parse(request.body).token, request);
    if (identity === undefined) throw new ServiceError('unauthenticated');
    await setLoginCookie(reply, deps, identity);
    return reply.status(204).send();
  });
  app.post('/logout', async (request, reply) => {
    refuseForeign(request);
    const cookie = cookieToken(request.headers);
    if (cookie !== undefined) await stored(async () => credentials.endLogin(cookie));
    return reply
      .header('set-cookie', loginCookie('', address, 0))
      .status(204)
      .send();
  });
  app.get('/v1/me', async (request) => {
    const { userId, scopes, expiresAt } = await requireCaller(request, authenticator);
    return { userId, scopes: [...scopes], expiresAt };
  });
}

/** Only a credential that may do everything makes a login: a key for one thing does not become one for all. */
async function logIn(
  deps: LoginRoutesDeps,
  token: string | undefined,
  { ip }: FastifyRequest,
): Promise<Identity | undefined> {
  if (token === undefined) return undefined;
  const identity = await stored(async () => deps.authenticator.authenticate(token, ip));
  const isWhole = identity !== undefined && SCOPES.every((scope) => identity.scopes.has(scope));
  if (isWhole) deps.audit({ userId: identity.userId }, 'login', { from: ip });
  return isWhole ? identity : undefined;
}

/** Makes a login of the browser's own. */
export async function setLoginCookie(
  reply: FastifyReply,
  deps: Pick<LoginRoutesDeps, 'authenticator' | 'credentials'>,
  identity: Identity,
): Promise<void> {
  const { userId } = identity;
  const expiresAt = Math.min(identity.expiresAt ?? Number.POSITIVE_INFINITY, Date.now() + LOGIN_LIFE_MS);
  const login = { userId, scopes: [...SCOPES], expiresAt };
  const { secret } = await stored(async () => deps.credentials.createLogin(login));
  reply
    .header('set-cookie', loginCookie(secret, deps.authenticator.address, expiresAt))
    .header('cache-control', 'no-store');
}
