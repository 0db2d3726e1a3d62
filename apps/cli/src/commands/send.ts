import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { HttpApi } from '@holdfast/client';
import type { Upload, WhenBusy } from '@holdfast/shared/protocol';
import { CliFailure } from '../failure.ts';
import { followPrompt } from '../follow-prompt.ts';
import type { Io } from '../io.ts';
import { resolveSession } from '../session-id.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

export interface SendOptions extends JsonOption {
  readonly whenBusy?: WhenBusy;
  readonly file?: readonly string[];
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
    const files = await uploaded(
      http,
      sessionId,
      (options.file ?? []).map((path) => resolve(context.cwd, path)),
    );
    return followPrompt({
      client,
      session: client.session(sessionId),
      text,
      files,
      whenBusy: options.whenBusy,
      isJson: options.json === true,
      io,
    });
  });
}

/** The files of a prompt, in order; all are read before the first is sent. */
async function uploaded(http: HttpApi, sessionId: string, paths: readonly string[]): Promise<Upload[]> {
  const read = async (path: string): Promise<Uint8Array<ArrayBuffer>> =>
    readFile(path).catch(() => {
      throw new CliFailure(`${path} can't be read`);
    });
  const files = await Promise.all(
    paths.map(async (path) => ({ name: basename(path), data: await read(path) })),
  );
  const uploads: Upload[] = [];
  for (const file of files) uploads.push(await http.upload(sessionId, file));
  return uploads;
}

/** The words as one text; `-` alone stands for stdin, without the line feed at its end. */
export async function promptText(words: readonly string[], io: Io): Promise<string> {
  const isStdin = words.length === 1 && words[0] === '-';
  const text = isStdin ? (await io.readStdin()).replace(/\r?\n$/, '') : words.join(' ');
  if (text.trim() === '')
    throw new CliFailure('The prompt has no text: give one, or "-" to read it from stdin');
  return text;
}
