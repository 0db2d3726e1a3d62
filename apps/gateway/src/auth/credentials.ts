// Where a request carries its token: the Authorization header, or the cookie that /login set.
import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError, type UserId } from '@holdfast/shared/protocol';
import type { Authenticator } from './token.ts';

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
 * The user of a request, undefined when it carries no valid token.
 * Throws `origin_refused` when a browser sent the cookie along for a page of another origin.
 */
export function userOfRequest(
  headers: IncomingHttpHeaders,
  authenticator: Authenticator,
): UserId | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return authenticator.userOf(bearer);
  const cookie = cookieToken(headers.cookie ?? '');
  if (cookie === undefined) return undefined;
  if (isForeignOrigin(headers)) throw new ServiceError('origin_refused');
  return authenticator.userOf(cookie);
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
