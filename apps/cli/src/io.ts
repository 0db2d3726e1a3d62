// What a command may do to the outside world; main.ts gives it the process's own, tests give it buffers.
import type { Style } from './render/style.ts';

export interface Io {
  /** Writes to stdout as it is. */
  readonly out: (text: string) => void;
  /** Writes to stderr as it is. */
  readonly err: (text: string) => void;
  readonly isOutTerminal: boolean;
  readonly isErrTerminal: boolean;
  readonly outStyle: Style;
  readonly errStyle: Style;
  /** All of stdin as text. */
  readonly readStdin: () => Promise<string>;
  /** Calls `handler` for each Ctrl-C in place of ending the process; the returned function ends that. */
  readonly onInterrupt: (handler: () => void) => () => void;
}

/** What every command gets. */
export interface CommandContext {
  readonly io: Io;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The checkout this program belongs to: its `.holdfast` is looked at last. */
  readonly checkout: string;
}

/** Exit codes. 2, a wrong command line, is given before any command runs. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
