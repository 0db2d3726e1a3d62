import { spawn } from 'node:child_process';

/** How a short-lived tool ended. `exitCode` is null when a signal (also ours, after the limit) ended it. */
export interface ToolResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool to its end with English messages; rejects only when it cannot be started. */
export function runTool(options: {
  readonly file: string;
  readonly args: readonly string[];
  readonly limitMs: number;
  readonly cwd?: string;
  /** Shown to the tool as its own name; one Redis binary acts as several tools by it. */
  readonly argv0?: string;
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Kills the tool; the promise is then rejected. */
  readonly signal?: AbortSignal;
}): Promise<ToolResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ToolResult>();
  const child = spawn(options.file, options.args, {
    cwd: options.cwd,
    argv0: options.argv0,
    env: { ...(options.env ?? process.env), LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.limitMs,
    signal: options.signal,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  // A tool that does not read its input may be gone before it is written; its exit code tells the story.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  child.on('error', reject);
  child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  return promise;
}
