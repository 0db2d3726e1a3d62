// All credentials that this gateway takes: logins and API keys, and by its mode the local token or the team's JWTs.
import { CREDENTIAL_PREFIX, type Credential, type Credentials } from '@holdfast/shared/store';
import { SCOPES } from '../access/authorise.ts';
import type { Authenticator, Identity } from './identity.ts';
import type { PublicAddress } from './public-address.ts';

/** Longer is no credential of ours, and not worth a look. */
const MAX_CHARS = 8_192;

export interface AuthenticatorDeps {
  readonly address: PublicAddress;
  readonly credentials: Pick<Credentials, 'find' | 'isGone'>;
  /** What else logs in: the local token, or a JWT. */
  readonly authenticate: (token: string, from: string) => Promise<Identity | undefined>;
}

export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { address, credentials, authenticate } = deps;
  return {
    address,
    authenticate: async (text, from) => {
      if (text === '' || text.length > MAX_CHARS) return undefined;
      if (!isStoredKind(text)) return authenticate(text, from);
      const found = await credentials.find(text);
      return found === null ? undefined : identityOf(found);
    },
    isRevoked: async (credentialId) => credentials.isGone(credentialId),
  };
}

/** Whether a text says of itself that it is a login or a key. */
function isStoredKind(text: string): boolean {
  return Object.values(CREDENTIAL_PREFIX).some((prefix) => text.startsWith(prefix));
}

function identityOf({ userId, scopes, expiresAt, credentialId }: Credential): Identity {
  return {
    userId,
    scopes: new Set(SCOPES.filter((scope) => scopes.includes(scope))),
    expiresAt,
    credentialId,
  };
}
