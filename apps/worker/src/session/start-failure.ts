// What to tell a person whose child could not be started: which fault it was, and what to do. Only read on failure.
import type { ChildOver } from './child-host.ts';

export interface StartFailure {
  readonly code: string;
  readonly message: string;
}

const INSTALL_POINTER =
  'If the CLI itself is broken, install it again (npm ci, or https://code.claude.com/docs/en/setup and CLAUDE_PATH).';

/** Explains a child that ended before it was ready. `findProblem` looks for the CLI again and says what is wrong. */
export function startFailure(over: ChildOver, findProblem: () => string | null): StartFailure {
  if (over.end.kind === 'spawn_failed') {
    if (over.end.code === 'cwd_missing') {
      return {
        code: 'cwd_missing',
        message: `The workspace ${over.end.message} is gone. Put it back, or start a new session elsewhere.`,
      };
    }
    if (over.end.code === 'ENOENT' || over.end.code === 'EACCES') {
      return {
        code: 'cli_missing',
        message: findProblem() ?? `Claude Code can not be executed: ${over.end.message}`,
      };
    }
    return {
      code: 'cli_start_failed',
      message: `Claude Code could not be started: ${over.end.message}. ${INSTALL_POINTER}`,
    };
  }
  // Behind a prefix (setpriv, unshare) a missing file is an exit code, not a failed spawn.
  const problem = findProblem();
  if (problem !== null) return { code: 'cli_missing', message: problem };
  const how = over.end.signal === null ? `exit code ${over.end.exitCode}` : `signal ${over.end.signal}`;
  const tail = over.stderrTail === '' ? '' : ` It said: ${over.stderrTail}`;
  return {
    code: 'cli_start_failed',
    message: `Claude Code ended before it was ready (${how}).${tail} ${INSTALL_POINTER}`,
  };
}
