// What a running Redis says about itself, and whether Holdfast can use it.
import { UpFailure, errorCode } from '../failure.ts';
import { showRedisAddress, type RedisAddress } from './address.ts';
import { askRedis } from './resp.ts';

const OLDEST_MAJOR = 7;
const ASK_LIMIT_MS = 5_000;

/** `ready` carries what INFO says; the other outcomes are codes of Redis or of the socket. */
export type RedisFacts =
  | { readonly status: 'ready'; readonly version: string; readonly evictionPolicy: string }
  | { readonly status: 'loading' }
  | { readonly status: 'refused'; readonly code: string }
  | { readonly status: 'unreachable'; readonly code: string };

export async function readRedisFacts(address: RedisAddress): Promise<RedisFacts> {
  try {
    const [ping, info] = await askRedis(address, [['PING'], ['INFO']], ASK_LIMIT_MS);
    if (ping === undefined || info === undefined) return { status: 'unreachable', code: 'ECONNRESET' };
    if (ping.kind === 'error' && ping.code === 'LOADING') return { status: 'loading' };
    if (ping.kind === 'error') return { status: 'refused', code: ping.code };
    if (info.kind === 'error') return { status: 'refused', code: info.code };
    return {
      status: 'ready',
      version: infoField(info.text, 'redis_version'),
      evictionPolicy: infoField(info.text, 'maxmemory_policy'),
    };
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    return { status: 'unreachable', code };
  }
}

/** True from Redis 7.0 on; `version` as in INFO or as printed by `redis-server --version`. */
export function isRedisNewEnough(version: string): boolean {
  return Number(version.split('.', 1)[0]) >= OLDEST_MAJOR;
}

export function redisTooOld(where: string, version: string): UpFailure {
  return new UpFailure(
    `Redis at ${where} is version ${version}; Holdfast needs 7.0 or newer.`,
    'Upgrade it, set REDIS_URL to a newer one, or take it off PATH so that a private one is fetched.',
  );
}

/** Checks the Redis of REDIS_URL; resolves to its facts, or throws {@link UpFailure}. */
export async function checkExternalRedis(
  address: RedisAddress,
): Promise<Extract<RedisFacts, { status: 'ready' }>> {
  const where = showRedisAddress(address);
  const facts = await readRedisFacts(address);
  if (facts.status === 'ready') {
    if (!isRedisNewEnough(facts.version)) throw redisTooOld(`REDIS_URL (${where})`, facts.version);
    return facts;
  }
  if (facts.status === 'loading') {
    throw new UpFailure(`Redis at ${where} is still loading its data.`, 'Try again in a moment.');
  }
  if (facts.status === 'refused') {
    throw new UpFailure(
      `Redis at ${where} refuses the login (${facts.code}).`,
      'Put the right password into REDIS_URL or HOLDFAST_REDIS_PASSWORD.',
    );
  }
  throw new UpFailure(
    `Redis at ${where} does not answer (${facts.code}).`,
    'Start it, correct REDIS_URL, or unset REDIS_URL so that Holdfast runs a private one.',
  );
}

function infoField(info: string, name: string): string {
  const line = info.split(/\r?\n/).find((candidate) => candidate.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim() ?? '';
}
