// The way to the identity provider and back.
import type { FastifyInstance } from 'fastify';
import { ServiceError } from '@holdfast/shared/protocol';
import { SCOPES, callerOf } from '../access/authorise.ts';
import { cookieOf } from '../auth/credentials.ts';
import type { OidcLogin } from '../auth/oidc.ts';
import { setLoginCookie, type LoginRoutesDeps } from './login.ts';
import { sendLoginFailed } from './status-page.ts';

const STATE_COOKIE = 'holdfast_oidc';
const STATE_LIFE_S = 600;
/** Then the provider is asked again, which most often needs no person. */
const LOGIN_LIFE_MS = 12 * 3600 * 1000;

export function addOidcRoutes(app: FastifyInstance, deps: LoginRoutesDeps, oidc: OidcLogin): void {
  const { address } = deps.authenticator;
  const stateCookie = (value: string, lifeS: number): string =>
    // Lax: the provider's page leads back here.
    `${STATE_COOKIE}=${value}; HttpOnly; SameSite=Lax; Path=${address.basePath}/login; Max-Age=${lifeS}` +
    (address.isSecure ? '; Secure' : '');
  app.get('/login/oidc', async (_request, reply) => {
    const { url, state } = await oidc.begin();
    return reply
      .header('set-cookie', stateCookie(state, STATE_LIFE_S))
      .header('cache-control', 'no-store')
      .redirect(url, 303);
  });
  app.get('/login/oidc/callback', async (request, reply) => {
    const query = request.url.split('?', 2)[1] ?? '';
    const userId = await oidc.finish(query, cookieOf(request.headers, STATE_COOKIE));
    if (userId === undefined) {
      if (request.headers.accept?.includes('text/html') !== true) throw new ServiceError('unauthenticated');
      return sendLoginFailed(reply.status(401));
    }
    const expiresAt = Date.now() + LOGIN_LIFE_MS;
    await setLoginCookie(reply, deps, { ...callerOf(userId), expiresAt, credentialId: null });
    deps.audit({ userId }, 'login', { from: request.ip, scopes: [...SCOPES] });
    reply.header('set-cookie', stateCookie('', 0));
    return reply.header('referrer-policy', 'no-referrer').redirect(`${address.basePath}/`, 303);
  });
}
