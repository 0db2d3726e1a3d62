// `holdfast set`: changes what a session goes by.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SessionChanges } from '@holdfast/shared/protocol';
import { z } from 'zod';
import { CliFailure } from '../failure.ts';
import { EXIT } from '../io.ts';
import { jsonLine } from '../render/json.ts';
import { resolveSession } from '../session-id.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

export interface SetOptions extends JsonOption {
  readonly model?: string;
  readonly mode?: string;
  readonly allow?: readonly string[];
  readonly disallow?: readonly string[];
  readonly addDir?: readonly string[];
  readonly mcpConfig?: string;
  readonly trust?: boolean;
}

export async function runSet(context: RunContext, id: string, options: SetOptions): Promise<number> {
  const { io } = context;
  const changes = await changesOf(options, context.cwd);
  return withGateway(context, async ({ http }) => {
    const sessionId = await resolveSession(http, id);
    await http.set(sessionId, changes);
    if (options.json === true) io.out(jsonLine({ sessionId, ...changes }));
    else io.err(`changed ${sessionId}\n`);
    return EXIT.ok;
  });
}

async function changesOf(options: SetOptions, cwd: string): Promise<SessionChanges> {
  const { model, mode, allow, disallow, addDir, mcpConfig, trust } = options;
  const given = {
    model: model === 'default' ? null : model,
    permissionMode: mode,
    allowedTools: listOf(allow),
    disallowedTools: listOf(disallow),
    additionalDirectories: listOf(addDir)?.map((folder) => resolve(cwd, folder)),
    mcpServers: mcpConfig === undefined ? undefined : await serversOf(resolve(cwd, mcpConfig)),
    trusted: trust,
  };
  const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  if (Object.keys(changes).length === 0)
    throw new CliFailure('Nothing is to be set: "--help" shows what can');
  const parsed = SessionChanges.safeParse(changes);
  if (!parsed.success) throw new CliFailure(z.prettifyError(parsed.error));
  return parsed.data;
}

/** A list that is given as one empty word is an empty one. */
function listOf(words: readonly string[] | undefined): string[] | undefined {
  return words?.filter((word) => word !== '');
}

async function serversOf(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new CliFailure(`${path} can't be read`);
  });
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'mcpServers' in value ? value.mcpServers : value;
  } catch (error) {
    throw new CliFailure(`${path} is not JSON`, { cause: error });
  }
}
