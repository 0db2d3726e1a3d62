// Decides where Redis comes from: REDIS_URL, PATH, packages unpacked earlier, or Debian's packages.
import { UpFailure } from '../failure.ts';
import { findProgram, isExecutableFile } from '../find-program.ts';
import { runTool } from '../run-tool.ts';
import { fetchDebianRedis, unpackedRedisPath } from './debian.ts';
import { isRedisNewEnough, redisTooOld } from './facts.ts';

/** A `redis-server` that can be started, and its version. */
export interface RedisServerProgram {
  readonly file: string;
  readonly version: string;
}

/** What was observed before anything is started or fetched. */
export interface RedisSurvey {
  readonly url: string | undefined;
  readonly onPath: RedisServerProgram | undefined;
  readonly unpacked: RedisServerProgram | undefined;
  readonly canFetch: boolean;
}

export type RedisDecision =
  | { readonly use: 'external'; readonly url: string }
  | { readonly use: 'program'; readonly program: RedisServerProgram }
  | { readonly use: 'fetch' }
  | { readonly use: 'none'; readonly failure: UpFailure };

/** REDIS_URL wins, then PATH (refused when it is too old), then what was unpacked before, then a fetch. */
export function decideRedis(survey: RedisSurvey): RedisDecision {
  if (survey.url !== undefined && survey.url !== '') return { use: 'external', url: survey.url };
  if (survey.onPath !== undefined) return checked(survey.onPath);
  if (survey.unpacked !== undefined) return checked(survey.unpacked);
  if (survey.canFetch) return { use: 'fetch' };
  return {
    use: 'none',
    failure: new UpFailure(
      'There is no redis-server on PATH, and no Debian packages can be fetched here.',
      'Install Redis 7.0 or newer ("brew install redis", "apk add redis", "dnf install redis"), or set REDIS_URL.',
    ),
  };
}

/** Looks at the machine; runs `redis-server --version` where there is one. */
export async function surveyRedis(env: NodeJS.ProcessEnv, dataDir: string): Promise<RedisSurvey> {
  const path = env['PATH'];
  const onPath = findProgram('redis-server', path);
  const unpacked = unpackedRedisPath(dataDir);
  return {
    url: env['REDIS_URL'],
    onPath: onPath === undefined ? undefined : await programAt(onPath),
    unpacked: isExecutableFile(unpacked) ? await programAt(unpacked) : undefined,
    canFetch: findProgram('apt-get', path) !== undefined && findProgram('dpkg-deb', path) !== undefined,
  };
}

/** A usable `redis-server`, fetched if need be; throws {@link UpFailure} where none can be had. */
export async function ensureRedisServer(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly dataDir: string;
  readonly progress: (line: string) => void;
}): Promise<RedisServerProgram> {
  const survey = await surveyRedis({ ...options.env, REDIS_URL: undefined }, options.dataDir);
  const decision = decideRedis(survey);
  if (decision.use === 'program') return decision.program;
  if (decision.use === 'none') throw decision.failure;
  const file = await fetchDebianRedis(options);
  const program = await programAt(file);
  if (program !== undefined && isRedisNewEnough(program.version)) return program;
  throw new UpFailure(
    `Debian's redis-server (${program?.version ?? 'it does not run'}) cannot be used here.`,
    'Install Redis 7.0 or newer and put it on PATH, or set REDIS_URL.',
  );
}

/** Undefined when the file does not run, such as one for another processor. */
async function programAt(file: string): Promise<RedisServerProgram | undefined> {
  try {
    const { stdout } = await runTool({ file, args: ['--version'], limitMs: 10_000 });
    const version = /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    return version === undefined ? undefined : { file, version };
  } catch {
    return undefined;
  }
}

function checked(program: RedisServerProgram): RedisDecision {
  return isRedisNewEnough(program.version)
    ? { use: 'program', program }
    : { use: 'none', failure: redisTooOld(program.file, program.version) };
}
