import { describe, expect, it } from 'vitest';
import type { ChildOver } from '../../src/session/child-host.ts';
import { startFailure } from '../../src/session/start-failure.ts';

const over = (end: ChildOver['end'], stderrTail = ''): ChildOver => ({
  end,
  cause: 'crashed',
  expected: false,
  wasReady: false,
  stderrTail,
});
const exited = (exitCode: number | null, signal: NodeJS.Signals | null = null): ChildOver['end'] => ({
  kind: 'exited',
  exitCode,
  signal,
});
const refused = (code: string): ChildOver['end'] => ({ kind: 'spawn_failed', code, message: 'why' });
const FOUND = (): null => null;
const MISSING = (): string => 'CLAUDE_PATH=/x is not an executable file. Correct it.';

describe('why no child could be started [A-17]', () => {
  it.each(['ENOENT', 'EACCES'])('a missing CLI (%s) is told with the fix', (code) => {
    expect(startFailure(over(refused(code)), MISSING)).toEqual({ code: 'cli_missing', message: MISSING() });
    expect(startFailure(over(refused(code)), FOUND)).toEqual({
      code: 'cli_missing',
      message: 'Claude Code can not be executed: why',
    });
  });

  it('a CLI that went missing behind a prefix is told the same', () => {
    const end = exited(127);
    expect(startFailure(over(end, 'unshare: failed to execute /x'), MISSING)).toEqual({
      code: 'cli_missing',
      message: MISSING(),
    });
  });

  it('a broken CLI is told with how it ended, what it said, and where to get another', () => {
    const failure = startFailure(over(exited(1), 'Segmentation fault'), FOUND);
    expect(failure.code).toBe('cli_start_failed');
    expect(failure.message).toMatch(/\(exit code 1\)\. It said: Segmentation fault .*npm ci/);
    expect(startFailure(over(exited(null, 'SIGKILL')), FOUND).message).toMatch(
      /\(signal SIGKILL\)\. If the CLI/,
    );
  });

  it('another failure of the system is told as it is', () => {
    expect(startFailure(over(refused('EMFILE')), FOUND)).toMatchObject({
      code: 'cli_start_failed',
      message: expect.stringContaining('could not be started: why.'),
    });
  });

  it('a workspace that is gone is not blamed on the CLI, which is not even looked for', () => {
    const end: ChildOver['end'] = { kind: 'spawn_failed', code: 'cwd_missing', message: '/gone' };
    const failure = startFailure(over(end), () => {
      throw new Error('looked for the CLI');
    });
    expect(failure).toMatchObject({ code: 'cwd_missing', message: expect.stringContaining('/gone') });
  });
});
