// The local access token: one token, one user. Nothing here logs or returns the token.
import { createHash, timingSafeEqual } from 'node:crypto';
import { UserId } from '@holdfast/shared/protocol';

/** Tells who a token belongs to. */
export interface Authenticator {
  /** The user of this token; undefined for any other text. Takes the same time however much of it is right. */
  userOf(token: string): UserId | undefined;
}

const LOCAL_USER = UserId.parse('local');

export function createTokenAuthenticator(token: string): Authenticator {
  const expected = digest(token);
  return {
    userOf: (given) => (timingSafeEqual(digest(given), expected) ? LOCAL_USER : undefined),
  };
}

/** Equal lengths for the comparison, whatever was given. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
