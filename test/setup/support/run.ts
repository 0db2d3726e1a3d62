// Runs a command as a person at a shell would, and keeps what it printed.
import { spawn, type ChildProcess } from 'node:child_process';

export interface Ran {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Run as the user "nobody"; only root can ask for it. */
  readonly asNobody?: boolean;
  /** Opens a pipe to its standard input, which is empty otherwise. */
  readonly hasInput?: boolean;
}

/** A command that runs; `output` grows as it prints. */
export interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<Ran>;
}

const started = new Set<ChildProcess>();

/** Ends what a failed test may have left running; each command leads a process group of its own. */
export function endCommands(): void {
  for (const { pid } of started) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // The group is gone already, which is what a test that passed leaves.
    }
  }
  started.clear();
}

export const isRoot = process.getuid?.() === 0;
export const NOBODY = 65_534;

export function startCommand(command: readonly [string, ...string[]], options: RunOptions): Running {
  const asUser = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
  const [file, ...args] = options.asNobody === true && isRoot ? [...asUser, ...command] : command;
  const startedAt = performance.now();
  const child = spawn(file ?? '', args, {
    cwd: options.cwd,
    env: options.env,
    stdio: [options.hasInput === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: true,
  });
  started.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const { promise, resolve, reject } = Promise.withResolvers<Ran>();
  child.on('error', reject);
  child.on('close', (exitCode, signal) => {
    resolve({ exitCode, signal, stdout, stderr, seconds: (performance.now() - startedAt) / 1000 });
  });
  return { child, output: () => stdout + stderr, ended: promise };
}

export function runCommand(command: readonly [string, ...string[]], options: RunOptions): Promise<Ran> {
  return startCommand(command, options).ended;
}

/**
 * A command that runs with a file system of `megabytes` mounted on `folder`; only the command sees the mount, and
 * it is gone with the command. Needs root or user namespaces.
 */
export function onSmallDisk(folder: string, megabytes: number, script: string): [string, ...string[]] {
  const mount = `mount -t tmpfs -o size=${megabytes}m,mode=777 tmpfs ${folder}`;
  return [
    'unshare',
    ...(isRoot ? [] : ['--user', '--map-root-user']),
    '--mount',
    'sh',
    '-c',
    `${mount} && ${script}`,
  ];
}

/** The lines of stderr that are ours; npm may add warnings of its own around them. */
export function ourLines(text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith('holdfast: '));
}
