// The command that changes settings: its names, arguments and help.
import { PermissionMode } from '@holdfast/shared/protocol';
import { Option, type Command } from 'commander';
import { runSet, type SetOptions } from './commands/set.ts';
import type { RunContext } from './commands/shared.ts';

export function addSetting(
  program: Command,
  context: RunContext,
  finish: (command: Promise<number>) => Promise<void>,
): void {
  program
    .command('set')
    .description('Change what a session goes by; its conversation goes on. A list replaces the one before.')
    .argument('<id>', 'session')
    .option('--model <name>', 'model or alias, as the CLI takes it; "default" for its own')
    .addOption(new Option('--mode <mode>', 'when to ask').choices([...PermissionMode.options]))
    .option('--allow <rule>', 'allow a tool without asking; may be repeated, "" for none', collect)
    .option('--disallow <rule>', 'deny a tool; may be repeated, "" for none', collect)
    .option('--add-dir <folder>', 'work in this folder as well; may be repeated, "" for none', collect)
    .option('--mcp-config <file>', 'MCP servers, as in a .mcp.json')
    .option('--trust', "use the rules and MCP servers of the workspace's own files")
    .option('--no-trust', 'ignore them')
    .option('--json', 'print what was asked for')
    .action((id: string, options: SetOptions) => finish(runSet(context, id, options)));
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
