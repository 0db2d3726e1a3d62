// Prompts that wait: edit, cancel, move, and letting a paused queue go on. Their ids are in "inspect".
import type { Session } from '@holdfast/client';
import { PromptId } from '@holdfast/shared/protocol';
import { CliFailure } from '../failure.ts';
import { EXIT } from '../io.ts';
import { jsonLine } from '../render/json.ts';
import { resolveSession } from '../session-id.ts';
import { promptText } from './send.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

/** Session and prompt, as given on the command line. */
export interface PromptOf {
  readonly id: string;
  readonly promptId: string;
}

export async function runEdit(
  context: RunContext,
  given: PromptOf & { readonly words: readonly string[] },
  options: JsonOption,
): Promise<number> {
  const text = await promptText(given.words, context.io);
  return onPrompt(
    context,
    { ...given, done: 'edited', isJson: options.json === true },
    async (session, promptId) => session.editPrompt(promptId, text),
  );
}

export async function runCancel(context: RunContext, given: PromptOf, options: JsonOption): Promise<number> {
  return onPrompt(
    context,
    { ...given, done: 'cancelled', isJson: options.json === true },
    async (session, promptId) => session.cancelPrompt(promptId),
  );
}

export interface MoveOptions extends JsonOption {
  /** The waiting prompt to stand in front of; without it the prompt goes to the end. */
  readonly before?: string;
}

export async function runMove(context: RunContext, given: PromptOf, options: MoveOptions): Promise<number> {
  const before = options.before === undefined ? null : promptIdOf(options.before);
  return onPrompt(
    context,
    { ...given, done: 'moved', isJson: options.json === true },
    async (session, promptId) => session.movePrompt(promptId, before),
  );
}

/** Lets the prompts that wait behind an aborted turn run. */
export async function runResume(context: RunContext, id: string, options: JsonOption): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, id);
    await http.inspect(sessionId);
    await client.session(sessionId).resumeQueue();
    if (options.json === true) io.out(jsonLine({ sessionId }));
    else io.err(`the queue of ${sessionId} goes on\n`);
    return EXIT.ok;
  });
}

async function onPrompt(
  context: RunContext,
  given: PromptOf & { readonly done: string; readonly isJson: boolean },
  act: (session: Session, promptId: PromptId) => Promise<void>,
): Promise<number> {
  const { io } = context;
  const promptId = promptIdOf(given.promptId);
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, given.id);
    await http.inspect(sessionId);
    await act(client.session(sessionId), promptId);
    if (given.isJson) io.out(jsonLine({ sessionId, promptId }));
    else io.err(`${given.done} ${promptId}\n`);
    return EXIT.ok;
  });
}

function promptIdOf(text: string): PromptId {
  const parsed = PromptId.safeParse(text);
  if (!parsed.success)
    throw new CliFailure(`"${text}" is no prompt id: "holdfast inspect" shows those that wait`);
  return parsed.data;
}
