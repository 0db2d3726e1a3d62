// Where a request carries its credential: the Authorization header, a WebSocket subprotocol, or the login cookie.
import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError, TOKEN_SUBPROTOCOL } from '@holdfast/shared/protocol';
import type { Authenticator, Identity } from './identity.ts';
import type { PublicAddress } from './public-address.ts';

export const COOKIE_NAME = 'holdfast_token';

/** The cookie that logs a browser in: not readable by scripts, not sent by other sites' pages. */
export function loginCookie(
  secret: string,
  { basePath, isSecure }: PublicAddress,
  /** ms since 1970; null: until the browser is closed. */
  expiresAt: number | null,
): string {
  const attributes = [
    `${COOKIE_NAME}=${encodeURIComponent(secret)}`,
    ...['HttpOnly', 'SameSite=Strict', `Path=${basePath}/`],
    ...(isSecure ? ['Secure'] : []),
    ...(expiresAt === null ? [] : [`Expires=${new Date(expiresAt).toUTCString()}`]),
  ];
  return attributes.join('; ');
}

/**
 * Who sent a request, undefined when it carries no valid credential.
 * Throws `origin_refused` when a browser sent the cookie along for a page of another origin.
 */
export async function identityOfRequest(
  headers: IncomingHttpHeaders,
  authenticator: Authenticator,
  /** The peer's address. */
  from: string,
): Promise<Identity | undefined> {
  const explicit = bearerOf(headers) ?? subprotocolToken(headers);
  if (explicit !== undefined) return authenticator.authenticate(explicit, from);
  const cookie = cookieToken(headers);
  if (cookie === undefined) return undefined;
  if (authenticator.address.isForeignOrigin(headers)) throw new ServiceError('origin_refused');
  return authenticator.authenticate(cookie, from);
}

function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}

/** For browsers that have no cookie: they can't set headers of a WebSocket, but its subprotocols. */
function subprotocolToken(headers: IncomingHttpHeaders): string | undefined {
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  const carrier = offered?.find((name) => name.startsWith(TOKEN_SUBPROTOCOL));
  return carrier && Buffer.from(carrier.slice(TOKEN_SUBPROTOCOL.length), 'base64url').toString('utf8');
}

/** The content of the login cookie. */
export function cookieToken(headers: IncomingHttpHeaders): string | undefined {
  return cookieOf(headers, COOKIE_NAME);
}

export function cookieOf({ cookie = '' }: IncomingHttpHeaders, wanted: string): string | undefined {
  for (const part of cookie.split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === wanted && value !== undefined) return decodeCookie(value);
  }
  return undefined;
}

function decodeCookie(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
