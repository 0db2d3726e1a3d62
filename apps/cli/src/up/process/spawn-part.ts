// Starts a part as a process that ends when `up` does, whatever ends `up`.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { findProgram } from '../find-program.ts';

/** What to run. `deathSignal` is what the kernel sends it when `up` is gone without having stopped it. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly hasChannel: boolean;
  readonly deathSignal: 'SIGTERM' | 'SIGKILL';
}

/** Path of a `setpriv` that knows `--pdeathsig`, or undefined (not Linux, or an old one). */
export function findSetpriv(path: string | undefined): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const file = findProgram('setpriv', path);
  if (file === undefined) return undefined;
  return spawnSync(file, ['--pdeathsig', 'TERM', 'true']).status === 0 ? file : undefined;
}

/**
 * Spawns without a shell; `setpriv` replaces itself, so the pid is the part's own. The part leads a session
 * of its own: Ctrl-C at the terminal reaches `up` alone, which stops the parts in order.
 */
export function spawnPart(
  launch: Launch,
  output: { readonly setpriv: string | undefined; readonly log: number },
): ChildProcess {
  const [file, args] =
    output.setpriv === undefined
      ? [launch.file, launch.args]
      : [output.setpriv, ['--pdeathsig', launch.deathSignal.slice(3), '--', launch.file, ...launch.args]];
  return spawn(file, args, {
    cwd: launch.cwd,
    env: launch.env,
    detached: true,
    stdio: ['ignore', output.log, output.log, ...(launch.hasChannel ? (['ipc'] as const) : [])],
  });
}
