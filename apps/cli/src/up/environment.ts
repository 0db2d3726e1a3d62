// The environment each part gets: validated once, and no more of it than the part needs.
import { delimiter, join } from 'node:path';
import { ConfigError, loadConfig, type Config, variables, type VariableName } from '@holdfast/shared/runtime';
import { dataDirectory } from '../client-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Names that any program may need; everything else goes to the workers only. */
const COMMON = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|NO_COLOR|FORCE_COLOR|SSL_CERT_\w+)$/;
const NODE_SETTINGS = /^NODE_(OPTIONS|EXTRA_CA_CERTS|ENV|COMPILE_CACHE)$/;

export type UpConfig = Config<VariableName>;

/** Parses every variable of the product; throws ConfigError with one sentence per fault. */
export function loadUpConfig(env: Environment, checkout: string): UpConfig {
  const names = Object.keys(variables) as VariableName[]; // the table's own keys
  return loadConfig({ ...env, HOLDFAST_DATA_DIR: dataDirectory(env, checkout) }, names);
}

/** What the gateway and the demo model get: our own variables, no provider's credentials. */
export function serverEnv(env: Environment, own: Environment): NodeJS.ProcessEnv {
  const entries = Object.entries(env).filter(
    ([name]) =>
      COMMON.test(name) ||
      NODE_SETTINGS.test(name) ||
      name.startsWith('HOLDFAST_') ||
      name.startsWith('OTEL_'),
  );
  return { ...Object.fromEntries(entries), ...own };
}

/** What a worker gets: the whole environment, which holds the credentials, but nothing that npm added. */
export function workerEnv(env: Environment, own: Environment): NodeJS.ProcessEnv {
  const entries = Object.entries(env).filter(([name]) => !/^(npm_|INIT_CWD$)/.test(name));
  return { ...Object.fromEntries(entries), ...own };
}

/** PATH without what npm and the bootstrap put before it: a session's shell has the machine's own programs. */
export function pathOfMachine(path: string | undefined, checkout: string): string {
  const own = join(checkout, 'node_modules');
  return (path ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith('/node_modules/.bin') && !folder.includes('/node-gyp-bin'))
    .filter((folder) => !folder.startsWith(`${own}/`))
    .join(delimiter);
}

/** One line per problem of the configuration; rethrows anything else. */
export function configProblems(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  throw error;
}
