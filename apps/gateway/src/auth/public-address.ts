// Where people reach this gateway, as the operator says (HOLDFAST_PUBLIC_URL) or as requests show: what the origin
// check, the login cookie and links are made by.
import type { IncomingHttpHeaders } from 'node:http';

export interface PublicAddress {
  /** Without a slash at its end; undefined where nobody said. */
  readonly url: string | undefined;
  /** Path in front of every address: `` or `/holdfast`. */
  readonly basePath: string;
  /** Whether the login cookie is for HTTPS only. */
  readonly isSecure: boolean;
  /** Whether a page of another origin sent this request. Programs send no Origin, and browsers always the true one. */
  isForeignOrigin(headers: IncomingHttpHeaders): boolean;
}

export function createPublicAddress(given: {
  readonly publicUrl: string | undefined;
  /** The gateway itself speaks TLS. */
  readonly hasTls: boolean;
}): PublicAddress {
  const url = given.publicUrl === undefined ? undefined : new URL(given.publicUrl);
  const basePath = url?.pathname.replace(/\/+$/, '') ?? '';
  return {
    url: url === undefined ? undefined : `${url.origin}${basePath}`,
    basePath,
    isSecure: url === undefined ? given.hasTls : url.protocol === 'https:',
    isForeignOrigin: ({ origin, host }) => {
      if (origin === undefined) return false;
      if (!URL.canParse(origin)) return true;
      const from = new URL(origin);
      return from.host !== host && from.origin !== url?.origin;
    },
  };
}

/** The path of a request without the base path, whether a proxy has taken that away already or not. */
export function withoutBasePath(url: string, basePath: string): string {
  if (basePath === '' || !url.startsWith(basePath)) return url;
  const rest = url.slice(basePath.length);
  if (rest === '') return '/';
  return rest.startsWith('/') || rest.startsWith('?') ? (rest.startsWith('?') ? `/${rest}` : rest) : url;
}
