// Who a credential belongs to, what it is good for, and how long. Nothing here logs or returns a credential.
import type { Caller } from '../access/authorise.ts';
import type { PublicAddress } from './public-address.ts';

export interface Identity extends Caller {
  /** When the credential ends, ms since 1970; null: never. */
  readonly expiresAt: number | null;
  /** What a revocation names; null: the credential can't be revoked. */
  readonly credentialId: string | null;
}

/** Tells who a credential (a token, a key, the content of the login cookie) belongs to. */
export interface Authenticator {
  /** Where people reach this gateway: cookies count only for pages from there. */
  readonly address: PublicAddress;
  /** Undefined for any text that is no valid credential. Takes the same time however much of it is right. */
  /** `from`: the peer's address. Throws `rate_limited` for one that guessed too often. */
  authenticate(credential: string, from: string): Promise<Identity | undefined>;
  /** Whether a credential that was valid has been taken back since. */
  isRevoked(credentialId: string): Promise<boolean>;
}
