// Logging in at the team's identity provider: OpenID Connect, authorisation code with PKCE.
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  discovery,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type Configuration,
} from 'openid-client';
import { ServiceError, type UserId } from '@holdfast/shared/protocol';
import type { LoginAttempts } from '@holdfast/shared/store';
import { stored } from '../sessions/storage.ts';
import { userIdOf } from './jwt.ts';

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  /** Where the provider sends the browser back to. */
  readonly redirectUrl: string;
  /** The claim that names the user. */
  readonly userClaim: string;
}

export interface OidcLogin {
  /** Where to send the browser; `state` belongs into a cookie of it. Throws `identity_unavailable`. */
  begin(): Promise<{ readonly url: string; readonly state: string }>;
  /** Who logged in; undefined for an answer that is not to what this browser began, or was used before. */
  finish(query: string, state: string | undefined): Promise<UserId | undefined>;
}

export function createOidcLogin(settings: OidcSettings, attempts: LoginAttempts): OidcLogin {
  let found: Promise<Configuration> | undefined;
  // Looked up when somebody first logs in: a provider that is away then does not keep the gateway from starting.
  const configuration = async (): Promise<Configuration> => {
    found ??= discover(settings);
    try {
      return await found;
    } catch (error) {
      found = undefined;
      throw new ServiceError('identity_unavailable', { cause: error });
    }
  };
  return {
    begin: async () => {
      const config = await configuration();
      const attempt = { verifier: randomPKCECodeVerifier(), nonce: randomNonce() };
      const state = randomState();
      await stored(async () => attempts.keep(state, attempt));
      const url = buildAuthorizationUrl(config, {
        ...{ redirect_uri: settings.redirectUrl, scope: 'openid email', state, nonce: attempt.nonce },
        code_challenge: await calculatePKCECodeChallenge(attempt.verifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, state };
    },
    finish: async (query, state) => {
      if (state === undefined) return undefined;
      const attempt = await stored(async () => attempts.take(state));
      if (attempt === null) return undefined;
      const config = await configuration();
      const answer = new URL(`${settings.redirectUrl}?${query}`);
      const checks = {
        ...{ pkceCodeVerifier: attempt.verifier, expectedState: state, expectedNonce: attempt.nonce },
        idTokenExpected: true,
      };
      const tokens = await authorizationCodeGrant(config, answer, checks).catch(() => undefined);
      return userIdOf(tokens?.claims()?.[settings.userClaim]);
    },
  };
}

async function discover({ issuer, clientId, clientSecret }: OidcSettings): Promise<Configuration> {
  const url = new URL(issuer);
  // Only on this machine: elsewhere the provider's answers would be anybody's.
  const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  const options = isLoopback && url.protocol === 'http:' ? { execute: [allowInsecureRequests] } : {};
  return discovery(url, clientId, clientSecret, undefined, options);
}
