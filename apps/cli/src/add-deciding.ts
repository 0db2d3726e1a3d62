// The commands that decide what the agent may do: names, arguments and help.
import { PlanMode } from '@holdfast/shared/protocol';
import { Option, type Command } from 'commander';
import {
  runAnswer,
  runApprove,
  runBypass,
  runDeny,
  runRules,
  type ApproveOptions,
  type DenyOptions,
  type RulesOptions,
} from './commands/decide.ts';
import type { JsonOption, RunContext } from './commands/shared.ts';

const WHICH = 'approval, shortened like a session (default: the only one that waits)';

export function addDeciding(
  program: Command,
  context: RunContext,
  finish: (command: Promise<number>) => Promise<void>,
): void {
  program
    .command('approve')
    .description('Let the agent do what it asks for, or approve its plan.')
    .argument('<id>', 'session')
    .argument('[approval]', WHICH)
    .option('--session', 'allow its rules for the rest of the session')
    .option('--always', 'allow its rules in all your sessions in this folder')
    .option('--rule <rule>', 'with one of these: this rule instead; may be repeated', collect)
    .option('--input <json>', 'run the tool with this input instead of its own')
    .addOption(new Option('--mode <mode>', 'for a plan: the mode to go on in').choices([...PlanMode.options]))
    .option('--json', 'print {sessionId, approvalId, decision}')
    .action((id: string, approval: string | undefined, options: ApproveOptions) =>
      finish(runApprove(context, { id, approval }, options)),
    );
  program
    .command('deny')
    .description('Refuse what the agent asks for, or send its plan back.')
    .argument('<id>', 'session')
    .argument('[approval]', WHICH)
    .option('-m, --message <text>', 'what the agent reads')
    .option('--stop', 'abort the turn as well')
    .option('--json', 'print {sessionId, approvalId, decision}')
    .action((id: string, approval: string | undefined, options: DenyOptions) =>
      finish(runDeny(context, { id, approval }, options)),
    );
  program
    .command('answer')
    .description("Answer the agent's questions.")
    .argument('<id>', 'session')
    .argument(
      '<words...>',
      'the answer: an option, its number, or your own words; for several questions one each, in quotes. ' +
        'The id of the approval may stand in front',
    )
    .option('--json', 'print {sessionId, approvalId, decision}')
    .action((id: string, words: string[], options: JsonOption) =>
      finish(runAnswer(context, { id, words }, options)),
    );
  program
    .command('bypass')
    .description('Let everything through without asking, for a while, where the operator allows it.')
    .argument('<id>', 'session')
    .argument('<minutes>', 'for how long; 0 ends it')
    .option('--json', 'print {sessionId, minutes}')
    .action((id: string, minutes: string, options: JsonOption) =>
      finish(runBypass(context, { id, minutes }, options)),
    );
  program
    .command('rules')
    .description('List what you always allow, or take a rule back.')
    .option('--remove <rule>', 'the rule to take back')
    .option('--cwd <folder>', 'the folder meant, where several have the rule')
    .option('--json', 'print one JSON array')
    .action((options: RulesOptions) => finish(runRules(context, options)));
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
