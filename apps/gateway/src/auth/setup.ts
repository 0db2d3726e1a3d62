// From the configuration to who may log in, and from where people reach this gateway.
import { readFile } from 'node:fs/promises';
import type { UserId } from '@holdfast/shared/protocol';
import { ConfigError, type Config } from '@holdfast/shared/runtime';
import type { Credentials, LoginAttempts } from '@holdfast/shared/store';
import { createAuthenticator } from './authenticator.ts';
import type { UserLimits } from '../limits/user-limits.ts';
import type { Authenticator, Identity } from './identity.ts';
import { createJwtVerifier } from './jwt.ts';
import { createOidcLogin, type OidcLogin } from './oidc.ts';
import { createPublicAddress, type PublicAddress } from './public-address.ts';
import { createTokenCheck } from './token.ts';

export const READ_FOR_AUTH = [
  'HOLDFAST_ADMINS',
  'HOLDFAST_AUTH',
  'HOLDFAST_TOKEN',
  'HOLDFAST_JWT_SECRET',
  'HOLDFAST_JWT_PUBLIC_KEY',
  'HOLDFAST_JWT_JWKS_URL',
  'HOLDFAST_JWT_ISSUER',
  'HOLDFAST_JWT_AUDIENCE',
  'HOLDFAST_JWT_USER_CLAIM',
  'HOLDFAST_ISOLATION',
  'HOLDFAST_OIDC_ISSUER',
  'HOLDFAST_OIDC_CLIENT_ID',
  'HOLDFAST_OIDC_CLIENT_SECRET',
  'HOLDFAST_PUBLIC_URL',
  'HOLDFAST_TLS_CERT',
  'HOLDFAST_TLS_KEY',
] as const;

type AuthConfig = Config<(typeof READ_FOR_AUTH)[number]>;

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface AuthSetup {
  readonly authenticator: Authenticator;
  /** Each user has folders of their own under the workspace roots. */
  readonly isTeam: boolean;
  /** Who may read the audit trail. */
  readonly isAdmin: (userId: UserId) => boolean;
  readonly tls: TlsFiles | undefined;
  /** Logging in at an identity provider, where one is named. */
  readonly oidc: OidcLogin | undefined;
}

/** Throws {@link ConfigError} for what can't be used. */
export async function setUpAuth(
  config: AuthConfig,
  {
    credentials,
    logins,
    attempts,
  }: { readonly credentials: Credentials; readonly logins: LoginGuard; readonly attempts: LoginAttempts },
): Promise<AuthSetup> {
  const tls = await readTls(config);
  const address = createPublicAddress({ publicUrl: config.HOLDFAST_PUBLIC_URL, hasTls: tls !== undefined });
  const isTeam = config.HOLDFAST_AUTH === 'team';
  const admins = new Set<string>(config.HOLDFAST_ADMINS ?? []);
  const isAdmin = (userId: UserId): boolean => !isTeam || admins.has(userId);
  const oidc = isTeam ? oidcLogin(config, address, attempts) : undefined;
  const authenticate = isTeam
    ? await teamLogin(config)
    : guarded(createTokenCheck(localToken(config)), logins);
  return {
    authenticator: createAuthenticator({ address, credentials, authenticate }),
    isTeam,
    isAdmin,
    tls,
    oidc,
  };
}

/** Guesses at the one token are counted by address; a JWT, a key and a login leave nothing to guess. */
type LoginGuard = Pick<UserLimits, 'checkLogin' | 'countFailedLogin'>;

function guarded(
  check: ReturnType<typeof createTokenCheck>,
  logins: LoginGuard,
): (given: string, from: string) => Promise<Identity | undefined> {
  return async (given, from) => {
    logins.checkLogin(from);
    const identity = await check(given);
    if (identity === undefined) await logins.countFailedLogin(from);
    return identity;
  };
}

function localToken({ HOLDFAST_TOKEN: token }: AuthConfig): string {
  if (token !== undefined) return token;
  throw new ConfigError(['HOLDFAST_TOKEN is not set: the gateway needs the access token that clients send.']);
}

async function teamLogin(config: AuthConfig): ReturnType<typeof createJwtVerifier> {
  if (config.HOLDFAST_ISOLATION !== 'shared') {
    throw new ConfigError([
      'HOLDFAST_AUTH=team: agents of all users run as the same Unix user, so that one who can make an agent run ' +
        'commands reaches the files of the others. Set HOLDFAST_ISOLATION=shared to accept that.',
    ]);
  }
  const isByOidcAlone =
    config.HOLDFAST_OIDC_ISSUER !== undefined &&
    config.HOLDFAST_JWT_SECRET === undefined &&
    config.HOLDFAST_JWT_PUBLIC_KEY === undefined &&
    config.HOLDFAST_JWT_JWKS_URL === undefined;
  if (isByOidcAlone) return async () => undefined;
  return createJwtVerifier({
    secret: config.HOLDFAST_JWT_SECRET,
    publicKeyFile: config.HOLDFAST_JWT_PUBLIC_KEY,
    jwksUrl: config.HOLDFAST_JWT_JWKS_URL,
    issuer: config.HOLDFAST_JWT_ISSUER,
    audience: config.HOLDFAST_JWT_AUDIENCE,
    userClaim: config.HOLDFAST_JWT_USER_CLAIM,
  });
}

function oidcLogin(
  config: AuthConfig,
  address: PublicAddress,
  attempts: LoginAttempts,
): OidcLogin | undefined {
  const { HOLDFAST_OIDC_ISSUER: issuer, HOLDFAST_OIDC_CLIENT_ID: clientId } = config;
  if (issuer === undefined) return undefined;
  if (clientId === undefined || address.url === undefined) {
    throw new ConfigError([
      'HOLDFAST_OIDC_ISSUER needs HOLDFAST_OIDC_CLIENT_ID, and HOLDFAST_PUBLIC_URL for the way back.',
    ]);
  }
  const settings = {
    ...{ issuer, clientId, clientSecret: config.HOLDFAST_OIDC_CLIENT_SECRET },
    redirectUrl: `${address.url}/login/oidc/callback`,
    userClaim: config.HOLDFAST_JWT_USER_CLAIM,
  };
  return createOidcLogin(settings, attempts);
}

async function readTls(config: AuthConfig): Promise<TlsFiles | undefined> {
  const { HOLDFAST_TLS_CERT: cert, HOLDFAST_TLS_KEY: key } = config;
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new ConfigError([
      'HOLDFAST_TLS_CERT and HOLDFAST_TLS_KEY belong together: one of them is not set.',
    ]);
  }
  return { cert: await readPem('HOLDFAST_TLS_CERT', cert), key: await readPem('HOLDFAST_TLS_KEY', key) };
}

async function readPem(name: string, path: string): Promise<Buffer> {
  return readFile(path).catch(() => {
    throw new ConfigError([`${name} names ${path}, which can't be read.`]);
  });
}
