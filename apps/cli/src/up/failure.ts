// A start that cannot go on: one line that says what is wrong and what to do about it.

/** `what` and `fix` are finished sentences; `up` prints both on one line and exits with code 1. */
export class UpFailure extends Error {
  override readonly name = 'UpFailure';
  readonly code = 'up_failed';

  constructor(what: string, fix: string) {
    super(`${what} ${fix}`.replaceAll(/\s*\n\s*/g, ' '));
  }
}

/** The code of a system error ("ENOSPC", "EADDRINUSE"), or undefined for any other thrown value. */
export function errorCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Turns what a write into `path` may run into (full disk, missing rights) into an {@link UpFailure}. */
export function explainWriteError(error: unknown, path: string): unknown {
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UpFailure(
      `The disk is full: nothing can be written to ${path}.`,
      'Free some space, then run "npm run up" again.',
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new UpFailure(
      `${path} is not writable for this user (${code}).`,
      'Set HOLDFAST_DATA_DIR to a folder of your own, or give this one to the user with chown.',
    );
  }
  return error;
}
