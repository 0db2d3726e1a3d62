// Finds the CLI's executable: CLAUDE_PATH, else the pinned package of this checkout.
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

/** `missing` carries one sentence for a person, with the fix; `looked` are the paths that were tried. */
export type ClaudeLocation =
  | { readonly status: 'found'; readonly path: string; readonly from: 'CLAUDE_PATH' | 'package' }
  | { readonly status: 'missing'; readonly looked: readonly string[]; readonly problem: string };

/**
 * Looks at files only; starts nothing. The platform package comes before the wrapper package, whose
 * `bin/claude.exe` is a placeholder that cannot run until its install script has replaced it.
 */
export function findClaude(env: Readonly<Record<string, string | undefined>>): ClaudeLocation {
  const named = env['CLAUDE_PATH']?.trim() ?? '';
  const looked = named === '' ? packageCandidates() : [resolve(named)];
  const path = looked.find((candidate) => isExecutableFile(candidate));
  if (path !== undefined) return { status: 'found', path, from: named === '' ? 'package' : 'CLAUDE_PATH' };
  return { status: 'missing', looked, problem: describeMissing(named) };
}

function describeMissing(named: string): string {
  return named === ''
    ? `The Claude Code CLI has no executable for ${process.platform}-${process.arch} here. ` +
        'Run "npm ci --include=optional", or install it (https://code.claude.com/docs/en/setup) and set CLAUDE_PATH.'
    : `CLAUDE_PATH=${named} is not an executable file. ` +
        'Correct it, or unset it to use the pinned Claude Code CLI of this checkout.';
}

function packageCandidates(): string[] {
  const require = createRequire(import.meta.url);
  const scope = '@anthropic-ai/claude-code';
  const platform = `${process.platform}-${process.arch}`;
  return [`${scope}-${platform}`, `${scope}-${platform}-musl`, scope].flatMap((name) => {
    try {
      const folder = dirname(realpathSync(require.resolve(`${name}/package.json`)));
      return [join(folder, name === scope ? 'bin/claude.exe' : 'claude')];
    } catch {
      return [];
    }
  });
}

/** The placeholder is a few hundred bytes; no executable of the CLI is under a megabyte. */
function isExecutableFile(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    const stats = statSync(file);
    return stats.isFile() && (!file.endsWith('/bin/claude.exe') || stats.size > 1_000_000);
  } catch {
    return false;
  }
}
