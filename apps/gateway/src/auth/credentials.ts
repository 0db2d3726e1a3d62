// Where a request carries its token: the Authorization header, or the cookie that /login set.
import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '@holdfast/shared/protocol';
import type { Authenticator, Identity } from './identity.ts';

export const COOKIE_NAME = 'holdfast_token';

/** The cookie that logs a browser in: not readable by scripts, not sent by other sites' pages. */
export function loginCookie(token: string): string {
  return `${COOKIE_NAME}=${encodeURIComponent(token)}; HttpOnly; SameSite=Strict; Path=/`;
}

/** Whether a page of another origin sent this request. Programs send no Origin, and browsers always the true one. */
export function isForeignOrigin(headers: IncomingHttpHeaders): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}

/**
 * Who sent a request, undefined when it carries no valid credential.
 * Throws `origin_refused` when a browser sent the cookie along for a page of another origin.
 */
export async function identityOfRequest(
  headers: IncomingHttpHeaders,
  authenticator: Authenticator,
): Promise<Identity | undefined> {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return authenticator.authenticate(bearer);
  const cookie = cookieToken(headers.cookie ?? '');
  if (cookie === undefined) return undefined;
  if (isForeignOrigin(headers)) throw new ServiceError('origin_refused');
  return authenticator.authenticate(cookie);
}

function cookieToken(header: string): string | undefined {
  for (const part of header.split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === COOKIE_NAME && value !== undefined) return decodeCookie(value);
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
