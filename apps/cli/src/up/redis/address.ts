// Reads REDIS_URL into the parts that a socket needs.

/** Where a Redis listens, and how to log in. */
export type RedisAddress =
  | { readonly kind: 'unix'; readonly path: string; readonly login?: RedisLogin }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly tls: boolean;
      readonly login?: RedisLogin;
    };

export interface RedisLogin {
  readonly username?: string;
  readonly password: string;
}

/** `url` is an address as in REDIS_URL; a password in it wins over the separate `password`. */
export function parseRedisAddress(url: string, password?: string): RedisAddress {
  const separate = password === undefined ? {} : { login: { password } };
  if (url.startsWith('/')) return { kind: 'unix', path: url, ...separate };
  const parsed = new URL(url);
  const login =
    parsed.password === ''
      ? separate
      : {
          login: {
            ...(parsed.username === '' ? {} : { username: decodeURIComponent(parsed.username) }),
            password: decodeURIComponent(parsed.password),
          },
        };
  if (parsed.protocol === 'unix:') return { kind: 'unix', path: parsed.pathname, ...login };
  return {
    kind: 'tcp',
    host: parsed.hostname.replaceAll(/^\[|\]$/g, ''),
    port: parsed.port === '' ? 6379 : Number(parsed.port),
    tls: parsed.protocol === 'rediss:',
    ...login,
  };
}

/** The address as it may be shown: without a user name or a password. */
export function showRedisAddress(address: RedisAddress): string {
  if (address.kind === 'unix') return address.path;
  return `${address.tls ? 'rediss' : 'redis'}://${address.host}:${address.port}`;
}
