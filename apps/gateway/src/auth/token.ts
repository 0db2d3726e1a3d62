// The local access token: one token, one user. Nothing here logs or returns the token.
import { createHash, timingSafeEqual } from 'node:crypto';
import { UserId } from '@holdfast/shared/protocol';
import { callerOf } from '../access/authorise.ts';
import type { Identity } from './identity.ts';

const LOCAL: Identity = { ...callerOf(UserId.parse('local')), expiresAt: null, credentialId: null };

/** Tells whether a text is the token. Takes the same time however much of it is right. */
export function createTokenCheck(token: string): (given: string) => Promise<Identity | undefined> {
  const expected = digest(token);
  return async (given) => (timingSafeEqual(digest(given), expected) ? LOCAL : undefined);
}

/** Equal lengths for the comparison, whatever was given. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
