// Team logins: a JWT of the team's identity provider, checked against a shared secret, a public key, or a JWKS address.
import { readFile } from 'node:fs/promises';
import { createRemoteJWKSet, errors, importSPKI, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { ServiceError, UserId } from '@holdfast/shared/protocol';
import { ConfigError } from '@holdfast/shared/runtime';
import { callerOf } from '../access/authorise.ts';
import type { Identity } from './identity.ts';

export interface JwtSettings {
  readonly secret: string | undefined;
  /** Path of a PEM file. */
  readonly publicKeyFile: string | undefined;
  readonly jwksUrl: string | undefined;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** The claim that names the user. */
  readonly userClaim: string;
}

export type JwtVerifier = (token: string) => Promise<Identity | undefined>;

/** Only of one family: a token that is signed with a public key as if that were a secret is none. */
const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'];
const KEY_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA'];
const JWKS_TIMEOUT_MS = 5_000;
/** Clocks of two machines differ. */
const TOLERANCE_S = 5;

/** Throws {@link ConfigError} unless exactly one way to check a signature is set. */
export async function createJwtVerifier(settings: JwtSettings): Promise<JwtVerifier> {
  const { getKey, algorithms } = await keyOf(settings);
  const { issuer, audience, userClaim } = settings;
  const checks = {
    algorithms,
    clockTolerance: TOLERANCE_S,
    requiredClaims: ['exp', userClaim],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, getKey, checks);
      const userId = userIdOf(payload[userClaim]);
      if (userId === undefined || payload.exp === undefined) return undefined;
      return { ...callerOf(userId), expiresAt: payload.exp * 1000, credentialId: null };
    } catch (error) {
      if (isUnreachable(error)) throw new ServiceError('identity_unavailable', { cause: error });
      return undefined;
    }
  };
}

/** Letters, digits and what addresses are made of: it is part of keys, folders and log lines. */
const USER = /^[A-Za-z0-9][A-Za-z0-9._@+|~-]{0,127}$/;
/** The user of local mode is nobody in a team. */
const RESERVED = 'local';

export function userIdOf(claim: unknown): UserId | undefined {
  if (typeof claim !== 'string' || claim === RESERVED || !USER.test(claim)) return undefined;
  return UserId.parse(claim);
}

async function keyOf(settings: JwtSettings): Promise<{ getKey: JWTVerifyGetKey; algorithms: string[] }> {
  const { secret, publicKeyFile, jwksUrl } = settings;
  const given = [secret, publicKeyFile, jwksUrl].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new ConfigError([
      'HOLDFAST_AUTH=team needs exactly one of HOLDFAST_JWT_SECRET, HOLDFAST_JWT_PUBLIC_KEY and HOLDFAST_JWT_JWKS_URL.',
    ]);
  }
  if (secret !== undefined) {
    const key = new TextEncoder().encode(secret);
    return { getKey: async () => key, algorithms: SECRET_ALGORITHMS };
  }
  if (publicKeyFile !== undefined) {
    const pem = await readFile(publicKeyFile, 'utf8').catch(() => {
      throw new ConfigError([`HOLDFAST_JWT_PUBLIC_KEY names ${publicKeyFile}, which can't be read.`]);
    });
    return { getKey: async ({ alg }) => importSPKI(pem, alg), algorithms: KEY_ALGORITHMS };
  }
  const remote = createRemoteJWKSet(new URL(jwksUrl ?? ''), { timeoutDuration: JWKS_TIMEOUT_MS });
  return { getKey: remote, algorithms: KEY_ALGORITHMS };
}

/** The keys could not be fetched: that says nothing about the token. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true;
  if (error instanceof errors.JOSEError) return error.code === 'ERR_JOSE_GENERIC';
  return error instanceof TypeError && error.message !== '' && 'cause' in error;
}
