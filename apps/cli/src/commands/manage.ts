// The commands that ask or tell one thing: ls, open, abort, inspect, rename, archive, restore, login-link, rm.
import { TurnId } from '@holdfast/shared/protocol';
import { CliFailure } from '../failure.ts';
import { EXIT } from '../io.ts';
import { jsonLine } from '../render/json.ts';
import { inspection, inspectionLines, sessionLines } from '../render/sessions.ts';
import { resolveSession } from '../session-id.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

export interface LsOptions extends JsonOption {
  readonly archived?: boolean;
}

export async function runLs(context: RunContext, options: LsOptions): Promise<number> {
  const { io } = context;
  const archived = options.archived === true;
  return withGateway(context, async ({ http }) => {
    const sessions = await http.list({ archived });
    if (options.json === true) io.out(jsonLine(sessions));
    else if (sessions.length === 0 && archived) io.err('No session is archived\n');
    else if (sessions.length === 0)
      io.err('There is no session yet: "holdfast new --prompt TEXT" makes one\n');
    else {
      const lines = sessionLines(sessions, { now: Date.now(), style: io.outStyle });
      io.out(lines.map((line) => `${line}\n`).join(''));
    }
    return EXIT.ok;
  });
}

/** Has the session's child started, so that the first prompt finds it warm. */
export async function runOpen(context: RunContext, id: string, options: JsonOption): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, id);
    await http.inspect(sessionId);
    await client.session(sessionId).open();
    if (options.json === true) io.out(jsonLine({ sessionId }));
    else io.err(`opening ${sessionId}: "holdfast inspect" shows its child\n`);
    return EXIT.ok;
  });
}

export interface AbortOptions extends JsonOption {
  readonly turn?: string;
  readonly clearQueue?: boolean;
  readonly stopBackground?: boolean;
}

export async function runAbort(context: RunContext, id: string, options: AbortOptions): Promise<number> {
  const { io } = context;
  const turn = options.turn === undefined ? undefined : TurnId.safeParse(options.turn);
  if (turn?.success === false)
    throw new CliFailure(`"${options.turn}" is no turn id: "inspect --json" shows it`);
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, id);
    await http.inspect(sessionId);
    const { turnId } = await client.session(sessionId).abort({
      queue: options.clearQueue === true ? 'clear' : 'keep',
      background: options.stopBackground === true ? 'stop' : 'keep',
      ...(turn?.data === undefined ? {} : { turnId: turn.data }),
    });
    if (options.json === true) io.out(jsonLine({ sessionId, turnId }));
    else io.err(`${abortText(turnId, options)}\n`);
    return EXIT.ok;
  });
}

function abortText(turnId: TurnId | null, { stopBackground }: AbortOptions): string {
  const turn = turnId === null ? 'No turn is running' : `abort of turn ${turnId} requested`;
  return stopBackground === true ? `${turn}; what goes on in the background is asked to stop` : turn;
}

export async function runInspect(context: RunContext, id: string, options: JsonOption): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http }) => {
    const details = await http.inspect(await resolveSession(http, id));
    if (options.json === true) io.out(jsonLine(inspection(details)));
    else {
      const lines = inspectionLines(details, io.outStyle);
      io.out(lines.map((line) => `${line}\n`).join(''));
    }
    return EXIT.ok;
  });
}

/** Prints the address that logs a browser in. */
export async function runLoginLink(context: RunContext, options: JsonOption): Promise<number> {
  return withGateway(context, async ({ address }) => {
    const url = `${address.url}/login?token=${encodeURIComponent(address.token)}`;
    context.io.out(options.json === true ? jsonLine({ url }) : `${url}\n`);
    return EXIT.ok;
  });
}

export async function runRename(
  context: RunContext,
  given: { readonly id: string; readonly words: readonly string[] },
  options: JsonOption,
): Promise<number> {
  const { io } = context;
  const title = given.words.join(' ').trim();
  if (title === '') throw new CliFailure('The title is empty');
  return withGateway(context, async ({ http }) => {
    const sessionId = await resolveSession(http, given.id);
    await http.set(sessionId, { title });
    if (options.json === true) io.out(jsonLine({ sessionId, title }));
    else io.err(`renamed ${sessionId}\n`);
    return EXIT.ok;
  });
}

/** Puts sessions away (`archived` true) or takes them back, in order; stops at the first that fails. */
export async function runArchive(
  context: RunContext,
  given: { readonly ids: readonly string[]; readonly archived: boolean },
  options: JsonOption,
): Promise<number> {
  const { io } = context;
  const { archived } = given;
  return withGateway(context, async ({ http }) => {
    for (const id of given.ids) {
      const sessionId = await resolveSession(http, id);
      await http.set(sessionId, { archived });
      if (options.json === true) io.out(jsonLine({ sessionId, archived }));
      else io.err(`${archived ? 'archived' : 'restored'} ${sessionId}\n`);
    }
    return EXIT.ok;
  });
}

/** Deletes sessions, in order; stops at the first that fails. */
export async function runRm(
  context: RunContext,
  ids: readonly string[],
  options: JsonOption,
): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http }) => {
    for (const id of ids) {
      const sessionId = await resolveSession(http, id);
      await http.delete(sessionId);
      if (options.json === true) io.out(jsonLine({ sessionId, deleted: true }));
      else io.err(`deleted ${sessionId}\n`);
    }
    return EXIT.ok;
  });
}
