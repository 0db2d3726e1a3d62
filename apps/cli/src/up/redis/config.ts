// The configuration file of the private Redis.

/** Redis uses at most this much; with `noeviction` writes fail by name beyond it, nothing is dropped. */
const MAX_MEMORY = '1gb';

/** Text of redis.conf. The password stands in this file (mode 0600), never on a command line. */
export function redisConfig(options: {
  readonly directory: string;
  readonly socket: string;
  readonly password: string;
}): string {
  return [
    'port 0',
    `unixsocket ${quote(options.socket)}`,
    'unixsocketperm 600',
    `requirepass ${quote(options.password)}`,
    `dir ${quote(options.directory)}`,
    'daemonize no',
    'supervised no',
    'appendonly yes',
    'appendfsync everysec',
    'aof-load-truncated yes',
    'save ""',
    `maxmemory ${MAX_MEMORY}`,
    'maxmemory-policy noeviction',
    'tcp-keepalive 60',
    'timeout 0',
    '',
  ].join('\n');
}

/** Redis reads a double-quoted word with C-like escapes, so a path may hold spaces. */
function quote(word: string): string {
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
