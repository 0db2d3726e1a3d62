// The command line: names, arguments and help; what the commands do is in commands/.
import { unknownVariables } from '@holdfast/shared/runtime';
import { PermissionMode, SharedRole, WhenBusy } from '@holdfast/shared/protocol';
import { Command, CommanderError, Option } from 'commander';
import { addDeciding } from './add-deciding.ts';
import { addSetting } from './add-setting.ts';
import type { Address } from './address.ts';
import { runAttach, type AttachOptions } from './commands/attach.ts';
import { runAudit, type AuditOptions } from './commands/audit.ts';
import { runDoctor } from './commands/doctor.ts';
import {
  runAbort,
  runArchive,
  runInspect,
  runLoginLink,
  runLs,
  runOpen,
  runRename,
  runRm,
  type AbortOptions,
  type LsOptions,
} from './commands/manage.ts';
import { runKeyList, runNewKey, runRevokeKey, type NewKeyOptions } from './commands/keys.ts';
import { runNew, type NewOptions } from './commands/new.ts';
import { runCancel, runEdit, runMove, runResume, type MoveOptions } from './commands/queue.ts';
import { runSend, type SendOptions } from './commands/send.ts';
import { runShare, runUnshare, type ShareOptions } from './commands/share.ts';
import type { JsonOption, RunContext } from './commands/shared.ts';
import { failureLine } from './failure.ts';
import { EXIT, type CommandContext } from './io.ts';

const ENVIRONMENT = `
Environment:
  HOLDFAST_URL, HOLDFAST_TOKEN  address and token of the gateway; else .holdfast/client.json, which
                                "npm run up" writes, from the current directory upward
  HOLDFAST_DATA_DIR             folder with that client.json
  NO_COLOR                      no colours

<id> may be shortened to any beginning or end that only one session has.
Exit codes: 0 done, 1 failed, 2 wrong command line, 130 aborted or interrupted.`;

/** Runs one command line; resolves with its exit code. `args` without the program's name. */
export async function runCli(args: readonly string[], context: CommandContext): Promise<number> {
  let address: Address | undefined;
  let exitCode: number = EXIT.ok;
  const run: RunContext = { ...context, onAddress: (found) => void (address = found) };
  const finish = async (command: Promise<number>): Promise<void> => {
    exitCode = await command;
  };
  try {
    const [problem] = unknownVariables(context.env);
    if (problem !== undefined) {
      context.io.err(`holdfast: ${problem}\n`);
      return EXIT.failed;
    }
    await buildProgram(run, finish).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    context.io.err(`holdfast: ${failureLine(error, address)}\n`);
    return EXIT.failed;
  }
}

type Finish = (command: Promise<number>) => Promise<void>;

function buildProgram(context: RunContext, finish: Finish): Command {
  const { io } = context;
  const program = new Command('holdfast')
    .description('Long-lived coding-agent sessions, from the terminal.')
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .showHelpAfterError('("--help" shows how it is meant)')
    .addHelpText('after', ENVIRONMENT);
  addUp(program);
  addDoctor(program, context, finish);
  addNew(program, context, finish);
  addTalking(program, context, finish);
  addDeciding(program, context, finish);
  addQueue(program, context, finish);
  addManaging(program, context, finish);
  addPuttingAway(program, context, finish);
  addSharing(program, context, finish);
  addKeys(program, context, finish);
  addAudit(program, context, finish);
  addSetting(program, context, finish);
  return program;
}

/** Only for the help: main.ts hands `up` on before this program is built. */
function addUp(program: Command): void {
  program
    .command('up')
    .description('Start Holdfast on this machine (the same as "npm run up").')
    .helpOption(false);
}

function addDoctor(program: Command, context: RunContext, finish: Finish): void {
  program
    .command('doctor')
    .description('Look at everything Holdfast needs here, and say how to fix what is wrong.')
    .option('--json', 'print [{name, status, found, fix}]')
    .action((options: JsonOption) => finish(runDoctor(context, options)));
}

function addNew(program: Command, context: RunContext, finish: Finish): void {
  program
    .command('new')
    .description('Create a session; with --prompt, print its answer.')
    .option('--cwd <folder>', 'work in this folder (default: the gateway makes one)')
    .option('--title <text>', 'title (default: the first line of the first prompt)')
    .option('--model <name>', 'model or alias, as the CLI takes it')
    .addOption(new Option('--permission-mode <mode>', 'when to ask').choices([...PermissionMode.options]))
    .option('--allow <rule>', 'allow a tool without asking, as "Bash(git *)"; may be repeated', collect)
    .option('--prompt <text>', 'first prompt; "-" reads it from stdin')
    .option('--json', JSON_TURN)
    .action((options: NewOptions) => finish(runNew(context, options)));
}

const JSON_TURN = 'print events one per line, and a last line of type "result"';

function addTalking(program: Command, context: RunContext, finish: Finish): void {
  program
    .command('send')
    .description('Send a prompt and print its answer. Ctrl-C aborts the turn, again leaves it.')
    .argument('<id>', 'session')
    .argument('<text...>', 'the prompt; "-" reads it from stdin')
    .addOption(
      new Option('--when-busy <what>', 'when a turn runs: wait, enter it, abort it, or refuse').choices([
        ...WhenBusy.options,
      ]),
    )
    .option('--file <path>', 'send an image, PDF or text along; may be repeated', collect)
    .option('--json', JSON_TURN)
    .action((id: string, words: string[], options: SendOptions) =>
      finish(runSend(context, { id, words }, options)),
    );
  program
    .command('attach')
    .description('Print a session and follow it until Ctrl-C; goes on after a restart of the gateway.')
    .argument('<id>', 'session')
    .option('--from <place>', '"start", or a position epoch:offset (default: the last messages)')
    .option('--no-follow', 'end when the replay is over')
    .option('--json', 'print one event per line, and lines of type "reset" and "caughtUp"')
    .action((id: string, options: AttachOptions) => finish(runAttach(context, id, options)));
  program
    .command('abort')
    .description('Stop the running turn; the session and its child stay.')
    .argument('<id>', 'session')
    .option('--turn <id>', 'the turn meant (default: the one that runs)')
    .option('--clear-queue', 'drop the prompts that wait')
    .option('--stop-background', 'also end what goes on behind the turn, such as a dev server')
    .option('--json', 'print {sessionId, turnId}; turnId null: none was running')
    .action((id: string, options: AbortOptions) => finish(runAbort(context, id, options)));
}

function addManaging(program: Command, context: RunContext, finish: Finish): void {
  program
    .command('ls')
    .description('List the sessions, the newest first.')
    .option('--archived', 'those that were put away instead')
    .option('--json', 'print one JSON array')
    .action((options: LsOptions) => finish(runLs(context, options)));
  program
    .command('open')
    .description("Start the session's child ahead of its first prompt.")
    .argument('<id>', 'session')
    .option('--json', 'print {sessionId}')
    .action((id: string, options: JsonOption) => finish(runOpen(context, id, options)));
  program
    .command('inspect')
    .description('Show status, child, worker, turns, queue and position of a session.')
    .argument('<id>', 'session')
    .option('--json', 'print one JSON object')
    .action((id: string, options: JsonOption) => finish(runInspect(context, id, options)));
  program
    .command('login-link')
    .description('Print the address that logs a browser in. It carries the token: treat it as one.')
    .option('--json', 'print {url}')
    .action((options: JsonOption) => finish(runLoginLink(context, options)));
  program
    .command('rm')
    .description('Delete sessions for good.')
    .argument('<id...>', 'sessions')
    .option('--json', 'print one line {sessionId, deleted} for each')
    .action((ids: string[], options: JsonOption) => finish(runRm(context, ids, options)));
}

function addQueue(program: Command, context: RunContext, finish: Finish): void {
  const onPrompt = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .argument('<id>', 'session')
      .argument('<prompt>', 'id of a prompt that waits, as "inspect" shows it')
      .option('--json', 'print {sessionId, promptId}');
  onPrompt('edit', 'Change a prompt that waits.')
    .argument('<text...>', 'the new prompt; "-" reads it from stdin')
    .action((...[id, promptId, words, options]: [string, string, string[], JsonOption]) =>
      finish(runEdit(context, { id, promptId, words }, options)),
    );
  onPrompt('cancel', 'Take a prompt that waits out of the queue.').action(
    (id: string, promptId: string, options: JsonOption) =>
      finish(runCancel(context, { id, promptId }, options)),
  );
  onPrompt('move', 'Move a prompt that waits to the end of the queue.')
    .option('--before <prompt>', 'in front of this one instead')
    .action((id: string, promptId: string, options: MoveOptions) =>
      finish(runMove(context, { id, promptId }, options)),
    );
  program
    .command('resume')
    .description('Let the prompts that wait behind an aborted turn run.')
    .argument('<id>', 'session')
    .option('--json', 'print {sessionId}')
    .action((id: string, options: JsonOption) => finish(runResume(context, id, options)));
}

function addPuttingAway(program: Command, context: RunContext, finish: Finish): void {
  program
    .command('rename')
    .description('Give a session another title.')
    .argument('<id>', 'session')
    .argument('<title...>', 'its title')
    .option('--json', 'print {sessionId, title}')
    .action((id: string, words: string[], options: JsonOption) =>
      finish(runRename(context, { id, words }, options)),
    );
  for (const archived of [true, false]) {
    program
      .command(archived ? 'archive' : 'restore')
      .description(archived ? 'Put sessions away: "ls" leaves them out.' : 'Take archived sessions back.')
      .argument('<id...>', 'sessions')
      .option('--json', 'print one line {sessionId, archived} for each')
      .action((ids: string[], options: JsonOption) =>
        finish(runArchive(context, { ids, archived }, options)),
      );
  }
}

function addSharing(program: Command, context: RunContext, finish: Finish): void {
  program
    .command('share')
    .description('Let another user read a session, or also decide its approvals.')
    .argument('<id>', 'session')
    .argument('[user]', 'who (default: print with whom it is shared)')
    .addOption(
      new Option('--role <role>', 'viewer reads, approver also decides')
        .choices([...SharedRole.options])
        .default('viewer'),
    )
    .option('--json', 'print {sessionId, userId, role}')
    .action((id: string, user: string | undefined, options: ShareOptions) =>
      finish(runShare(context, { id, user }, options)),
    );
  program
    .command('unshare')
    .description('Take that back.')
    .argument('<id>', 'session')
    .argument('<user>', 'who')
    .option('--json', 'print {sessionId, userId}')
    .action((id: string, user: string, options: JsonOption) =>
      finish(runUnshare(context, { id, user }, options)),
    );
}

function addAudit(program: Command, context: RunContext, finish: Finish): void {
  program
    .command('audit')
    .description('Who did what, as JSON lines, oldest first. For operators.')
    .option('--after <id>', 'only what came after the line with this id')
    .action((options: AuditOptions) => finish(runAudit(context, options)));
}

function addKeys(program: Command, context: RunContext, finish: Finish): void {
  const keys = program.command('keys').description('API keys, for programs of yours.');
  keys
    .command('ls')
    .description('List them; what logs in is not shown.')
    .option('--json', 'print one JSON array')
    .action((options: JsonOption) => finish(runKeyList(context, options)));
  keys
    .command('new')
    .description('Make a key and print it, this once.')
    .argument('<name>', 'what it is for')
    .addOption(
      new Option('--scope <scope...>', 'what it is good for (default: read)').choices([
        ...['read', 'decide', 'write', 'manage'],
      ]),
    )
    .option('--days <number>', 'when it ends (default: when it is revoked)')
    .option('--json', 'print one JSON object')
    .action((name: string, options: NewKeyOptions) => finish(runNewKey(context, name, options)));
  keys
    .command('revoke')
    .description('Take a key back; what is open by it is closed.')
    .argument('<id>', 'as "keys ls" shows it')
    .option('--json', 'print {id, revoked}')
    .action((id: string, options: JsonOption) => finish(runRevokeKey(context, id, options)));
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
