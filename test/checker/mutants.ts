// The product's own code with one guard taken out of its text: Lua scripts and TypeScript modules. A guard whose
// text is not found any more is an error, so that no mutant quietly stays whole.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Redis } from '@holdfast/shared/store';

/** Text of the product, and what stands there without the guard. */
export interface Cut {
  readonly find: string;
  readonly replace: string;
}

const ROOT = new URL('../../', import.meta.url);

function cutOut(source: string, { find, replace }: Cut): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`the guard is there ${parts.length - 1} times: ${find}`);
  return parts.join(replace);
}

/** The same connection, but one script runs without its guard. */
export async function withoutScriptGuard(redis: Redis, script: string, cut: Cut): Promise<Redis> {
  const file = new URL(`packages/shared/src/store/scripts/${script}.lua`, ROOT);
  const source = await readFile(file, 'utf8');
  const sha = createHash('sha1').update(source).digest('hex');
  const mutant = cutOut(source, cut);
  const evalsha = async (asked: string, keyCount: number, ...rest: (string | number)[]): Promise<unknown> =>
    asked === sha ? redis.eval(mutant, keyCount, ...rest) : redis.evalsha(asked, keyCount, ...rest);
  return new Proxy(redis, {
    get: (target, name) => {
      if (name === 'evalsha') return evalsha;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Loads a module of the product without its guard: the same exports, everything it imports is the product's own. */
export async function importWithoutGuard<Module>(path: string, cut: Cut): Promise<Module> {
  const url = new URL(path, ROOT);
  const require = createRequire(url);
  const source = cutOut(await readFile(url, 'utf8'), cut);
  const script = stripTypeScriptTypes(source).replaceAll(/ from '([^']+)'/g, (_all, name: string) => {
    const target = name.startsWith('.') ? new URL(name, url) : pathToFileURL(require.resolve(name));
    return ` from '${target.href}'`;
  });
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-mutant-'));
  try {
    const file = join(dir, 'mutant.mjs');
    await writeFile(file, script);
    return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Module; // the caller names the module
  } finally {
    await rm(dir, { recursive: true });
  }
}
