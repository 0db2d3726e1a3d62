// Shell commands that a CLI under test runs, and how to see from outside whether they run.
import { until } from '../../support/until.ts';
import { LIMIT_MS } from './cli-process.ts';
import type { Line } from './lines.ts';
import { findByCommand, killQuietly } from './processes.ts';

/**
 * The demo model's marker for a Bash call. Versions after 2.1.197 refuse one that only sleeps; that is not what any
 * test is about, so a sleep goes through `env`.
 */
export function bash(command: string, more: Line = {}): string {
  const run = command.startsWith('sleep ') ? `env ${command}` : command;
  return `[[tool Bash ${JSON.stringify({ command: run, ...more })}]]`;
}

/** A `sleep` of five minutes that nothing else on the machine runs, so that it is found by its command line. */
export function uniqueSleep(): string {
  return `sleep 300.${crypto.getRandomValues(new Uint32Array(1)).join('')}1`;
}

/** Waits until a process runs `command`; its ids. */
export async function running(command: string): Promise<number[]> {
  const what = `a process that runs ${command}`;
  await until(async () => (await findByCommand(command)).length > 0, { what, limitMs: LIMIT_MS });
  return findByCommand(command);
}

/** Waits until no process runs `command`. */
export async function gone(command: string): Promise<void> {
  await until(async () => (await findByCommand(command)).length === 0, { what: `the end of ${command}` });
}

/** For a test whose commands shed the marker: kills them at its end, however it went. */
export function killedAtEnd(commands: readonly string[]): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      const pids = (await Promise.all(commands.map(findByCommand))).flat();
      for (const pid of pids) killQuietly(pid, 'SIGKILL');
    },
  };
}
