// Brings the web client up to date while the parts start: built once, and again only after its sources changed.
import { join } from 'node:path';
import { findSetpriv } from './process/spawn-part.ts';
import { runTool } from './run-tool.ts';

/** Many times what a slow machine takes; a build that hangs must not keep `up` from being ready. */
const BUILD_LIMIT_MS = 120_000;
const BUILD = 'apps/web/build.ts';

/**
 * Builds the page where it is missing or stale; resolves to a line for people when that failed, and to undefined
 * when the page is there. Never throws: everything but the page works without it. The build ends with this process,
 * and when `signal` is aborted.
 */
export async function ensurePage(
  checkout: string,
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const run = { cwd: checkout, limitMs: BUILD_LIMIT_MS, env, ...(signal === undefined ? {} : { signal }) };
  const setpriv = findSetpriv(env['PATH']);
  const [file = '', ...args] = [
    ...(setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL']),
    ...[process.execPath, join(checkout, BUILD)],
  ];
  try {
    const { exitCode, stderr } = await runTool({ ...run, file, args });
    return exitCode === 0 ? undefined : notBuilt(stderr);
  } catch (error) {
    return notBuilt(error instanceof Error ? error.message : '');
  }
}

function notBuilt(output: string): string {
  const reason =
    /^(?:\w*Error|.*\b(?:EACCES|ENOSPC|EROFS))\b.*$/m.exec(output)?.[0].trim() ?? 'the build failed';
  return `could not be built (${reason.slice(0, 200)}); everything else works. Try: node ${BUILD}`;
}
