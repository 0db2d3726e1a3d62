// `npm run test:cli [-- --claude PATH]`: judges one version of the CLI, the pinned one by default, by the facts
// that Holdfast leans on. What follows `--` after that goes to vitest.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findClaude, withoutModelCredentials } from '@holdfast/shared/runtime';
import { TESTED_CLI_VERSIONS } from '@holdfast/shared/runtime';

/** Takes `--claude PATH` (or `--claude=PATH`) out of the arguments. */
function takeClaude(args: readonly string[]): {
  readonly claude: string | undefined;
  readonly rest: string[];
} {
  const at = args.findIndex((arg) => arg === '--claude' || arg.startsWith('--claude='));
  const found = args[at];
  if (found === undefined) return { claude: undefined, rest: [...args] };
  const isSplit = found === '--claude';
  const claude = isSplit ? (args[at + 1] ?? '') : found.slice('--claude='.length);
  return { claude, rest: args.toSpliced(at, isSplit ? 2 : 1) };
}

function versionOf(path: string): string {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-cli-version-'));
  try {
    const env = { PATH: process.env['PATH'], HOME: home, CLAUDE_CONFIG_DIR: home, DISABLE_AUTOUPDATER: '1' };
    return execFileSync(path, ['--version'], { encoding: 'utf8', timeout: 30_000, env }).trim();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const { claude, rest } = takeClaude(process.argv.slice(2));
const location = findClaude({ CLAUDE_PATH: claude === undefined ? undefined : resolve(claude) });
if (location.status === 'missing') {
  process.stderr.write(`${location.problem}\n`);
  process.exitCode = 1;
} else {
  const { from, to } = TESTED_CLI_VERSIONS;
  process.stdout.write(
    `CLI under test: ${versionOf(location.path)}, ${location.path}\n` +
      `Tested versions: ${from === to ? from : `${from} to ${to}`}\n`,
  );
  const child = spawn('vitest', ['run', '--project', 'cli', ...rest], {
    env: { ...withoutModelCredentials(process.env), CLAUDE_PATH: location.path },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.on('close', (code) => (process.exitCode = code ?? 1));
}
