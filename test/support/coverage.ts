// Coverage of the processes that tests start. Set-up of every test project, and what starts a covered process needs.
import { fileURLToPath } from 'node:url';

/** Vitest names here where processes leave what they covered; Node would pass it on to every process there is. */
const NODE_SWITCH = 'NODE_V8_COVERAGE';
const KEPT_AS = 'TEST_V8_COVERAGE';

const named = process.env[NODE_SWITCH];
if (named !== undefined) {
  process.env[KEPT_AS] = named;
  delete process.env[NODE_SWITCH];
}

/** What Node needs to cover one of our own processes, without passing it on to the CLI and its tools. */
export function coverageOfProcess(): {
  readonly env: Record<string, string>;
  readonly nodeArgs: readonly string[];
} {
  const folder = process.env[KEPT_AS];
  if (folder === undefined) return { env: {}, nodeArgs: [] };
  const forget = fileURLToPath(new URL('forget-coverage.mjs', import.meta.url));
  return { env: { [NODE_SWITCH]: folder }, nodeArgs: ['--import', forget] };
}

/** A killed process leaves nothing: while coverage is measured, processes are asked to end. */
export function disposeSignal(): NodeJS.Signals {
  return process.env[KEPT_AS] === undefined ? 'SIGKILL' : 'SIGTERM';
}
