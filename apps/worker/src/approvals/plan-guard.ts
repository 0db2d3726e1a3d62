// What may run while an agent makes a plan. The CLI would let allowed tools through, so this is decided here: once
// before every tool call (a hook), and once more where the CLI asks for leave. Pure.
import { dirname, normalize } from 'node:path';

/** Tools that change nothing outside the conversation. Everything else is denied while planning. */
const READ_ONLY: ReadonlySet<string> = new Set([
  ...['Read', 'Glob', 'Grep', 'LS', 'NotebookRead', 'TodoWrite', 'TodoRead', 'Skill', 'ToolSearch'],
  ...['TaskCreate', 'TaskGet', 'TaskList', 'TaskUpdate', 'TaskOutput', 'BashOutput', 'WebFetch', 'WebSearch'],
  ...['Agent', 'Task', 'EnterPlanMode', 'ExitPlanMode', 'AskUserQuestion', 'ListMcpResources'],
  ...['ListMcpResourcesTool', 'ReadMcpResource', 'ReadMcpResourceTool'],
]);

/** Programs that only read, whatever their arguments are. */
const READERS: ReadonlySet<string> = new Set([
  ...['ls', 'pwd', 'cat', 'head', 'tail', 'wc', 'grep', 'egrep', 'fgrep', 'stat', 'file', 'du', 'df'],
  ...['echo', 'printf', 'which', 'whoami', 'id', 'uname', 'date', 'ps', 'basename', 'dirname', 'realpath'],
  ...['cut', 'tr', 'nl', 'diff', 'cmp', 'true', 'tree', 'md5sum', 'sha256sum', 'jq'],
]);

/** Commands of git that only read, whatever their arguments are. */
const GIT_READERS: ReadonlySet<string> = new Set([
  'status',
  'log',
  'diff',
  'show',
  'blame',
  'ls-files',
  'rev-parse',
]);

/** Redirection, substitution, and what else could run or write something beside the words that are seen. */
const NOT_PLAIN = /[<>`$(){}\\\n\r!]|--output/u;

export interface ToolCall {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Why a tool must not run while planning; null when it may. `configDir`: where the CLI keeps its plan files. */
export function planProblem({ tool, input }: ToolCall, configDir: string): string | null {
  if (READ_ONLY.has(tool)) return null;
  if ((tool === 'Write' || tool === 'Edit') && isPlanFile(input['file_path'], configDir)) return null;
  if (tool === 'Bash' && isReading(input['command'])) return null;
  return (
    `In plan mode nothing is changed: ${tool} is denied, whoever would allow it. ` +
    'Finish the plan and ask for its approval with ExitPlanMode.'
  );
}

function isPlanFile(path: unknown, configDir: string): boolean {
  // Without it the path below would be one at the root of the disk.
  if (configDir === '' || typeof path !== 'string') return false;
  return path.endsWith('.md') && dirname(normalize(path)) === `${configDir}/plans`;
}

function isReading(command: unknown): boolean {
  if (typeof command !== 'string' || NOT_PLAIN.test(command)) return false;
  return command.split(/&&|\|\||[;|&]/u).every((part) => {
    const [program = '', first = ''] = part.trim().split(/\s+/u);
    return READERS.has(program) || (program === 'git' && GIT_READERS.has(first));
  });
}
