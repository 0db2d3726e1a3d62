// Small child programs (test/children) run through the real spawn, with what came out of them.
import { fileURLToPath } from 'node:url';
import { createJsonLines } from '../../src/agent/json-lines.ts';
import { spawnChild, type Child, type ChildCommand } from '../../src/process/child.ts';
import { until } from '../../../../test/support/until.ts';

export const childPath = (name: string): string =>
  fileURLToPath(new URL(`../children/${name}.mjs`, import.meta.url));

export interface RunningChild extends AsyncDisposable {
  readonly child: Child;
  /** The JSON lines so far. */
  readonly lines: unknown[];
  /** Waits for a line that has all these fields. */
  line(fields: Record<string, unknown>): Promise<Record<string, unknown>>;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What stands in front of the command. */
  readonly prefix?: readonly string[];
  readonly afterExit?: ChildCommand['afterExit'];
}

/** Starts a program of test/children with node. Disposing it kills it and waits for its end. */
export function startChild(name: string, options: StartOptions = {}): RunningChild {
  const { args = [], env = {}, prefix = [], afterExit } = options;
  const [command = '', ...rest] = [...prefix, process.execPath, childPath(name), ...args];
  const framing = createJsonLines();
  const lines: unknown[] = [];
  const take = (results: ReturnType<typeof framing.push>): void => {
    for (const result of results) lines.push(result.kind === 'json' ? result.value : result);
  };
  const child = spawnChild(
    {
      ...{ command, args: rest, cwd: process.cwd(), env: { PATH: process.env['PATH'] ?? '', ...env } },
      ...(afterExit === undefined ? {} : { afterExit }),
    },
    { stdout: (chunk) => take(framing.push(chunk)), stdoutEnd: () => take(framing.end()) },
  );
  return {
    child,
    lines,
    line: async (fields) =>
      until(() => lines.find((line) => hasFields(line, fields)) as Record<string, unknown> | undefined, {
        what: `a line with ${JSON.stringify(fields)} of ${name}`,
      }),
    [Symbol.asyncDispose]: async () => {
      child.setReading(true);
      child.signal('SIGKILL');
      await child.ended;
    },
  };
}

function hasFields(line: unknown, fields: Record<string, unknown>): boolean {
  if (typeof line !== 'object' || line === null) return false;
  return Object.entries(fields).every(([name, value]) => Reflect.get(line, name) === value);
}
