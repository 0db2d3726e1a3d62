import type { WhenBusy } from '@holdfast/shared/protocol';
import { CliFailure } from '../failure.ts';
import { followPrompt } from '../follow-prompt.ts';
import type { Io } from '../io.ts';
import { resolveSession } from '../session-id.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

export interface SendOptions extends JsonOption {
  readonly whenBusy?: WhenBusy;
}

/** Sends a prompt to a session and follows its answer. */
export async function runSend(
  context: RunContext,
  given: { readonly id: string; readonly words: readonly string[] },
  options: SendOptions,
): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, given.id);
    const text = await promptText(given.words, io);
    await http.inspect(sessionId);
    return followPrompt({
      client,
      session: client.session(sessionId),
      text,
      whenBusy: options.whenBusy,
      isJson: options.json === true,
      io,
    });
  });
}

/** The words as one text; `-` alone stands for stdin, without the line feed at its end. */
export async function promptText(words: readonly string[], io: Io): Promise<string> {
  const isStdin = words.length === 1 && words[0] === '-';
  const text = isStdin ? (await io.readStdin()).replace(/\r?\n$/, '') : words.join(' ');
  if (text.trim() === '')
    throw new CliFailure('The prompt has no text: give one, or "-" to read it from stdin');
  return text;
}
