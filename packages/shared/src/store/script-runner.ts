// Runs the Lua scripts: EVALSHA, and EVAL when the server does not know the script (yet, or after a failover).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { metrics } from '../runtime/metrics.ts';
import { replyErrorCode } from './redis.ts';

/** One Lua file, loaded once. */
export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
  readonly seconds: { observe(seconds: number): void };
}

/** Loads `scripts/<name>.lua`. */
export function loadScript(name: string): Script {
  const source = readFileSync(new URL(`scripts/${name}.lua`, import.meta.url), 'utf8');
  return scriptOf(name, source);
}

/** The same script, allowed to write when Redis is at its memory limit: for what ends work, and so frees memory. */
export function evenWhenFull(script: Script): Script {
  return scriptOf(script.name, `#!lua flags=allow-oom\n${script.source}`);
}

function scriptOf(name: string, source: string): Script {
  const sha = createHash('sha1').update(source).digest('hex');
  return { name, source, sha, seconds: metrics.redisScriptSeconds.labels(name) };
}

/** What a script is called with; keys and arguments are described in the file's header. */
export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | number | Buffer)[];
}

/**
 * Runs the script once. A server that lost its script cache gets the source; every other error is thrown
 * as it came. The call is not repeated after a lost connection: callers decide by what the script guarantees.
 */
export async function runScript(redis: Redis, script: Script, call: ScriptCall): Promise<unknown> {
  const rest = [...call.keys, ...call.args];
  const calledAt = performance.now();
  try {
    return await redis.evalsha(script.sha, call.keys.length, ...rest);
  } catch (error) {
    if (replyErrorCode(error) !== 'NOSCRIPT') throw error;
    return await redis.eval(script.source, call.keys.length, ...rest);
  } finally {
    script.seconds.observe((performance.now() - calledAt) / 1_000);
  }
}
