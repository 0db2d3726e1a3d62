// API keys: keys ls, keys new, keys revoke.
import { CliFailure } from '../failure.ts';
import { EXIT } from '../io.ts';
import { jsonLine } from '../render/json.ts';
import { withoutControls } from '../render/style.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

export async function runKeyList(context: RunContext, options: JsonOption): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http }) => {
    const keys = await http.keys();
    if (options.json === true) io.out(jsonLine(keys));
    else if (keys.length === 0) io.err('There is no key yet\n');
    for (const { id, name, scopes, expiresAt } of options.json === true ? [] : keys) {
      const end = expiresAt === null ? 'no end' : `until ${new Date(expiresAt).toISOString()}`;
      io.out(`${id}  ${scopes.join(',')}  ${end}  ${withoutControls(name)}\n`);
    }
    return EXIT.ok;
  });
}

export interface NewKeyOptions extends JsonOption {
  readonly scope?: readonly string[];
  readonly days?: string;
}

/** Prints what logs in, this once. */
export async function runNewKey(context: RunContext, name: string, options: NewKeyOptions): Promise<number> {
  const { io } = context;
  const days = options.days === undefined ? undefined : Number(options.days);
  if (days !== undefined && !(days > 0)) throw new CliFailure(`"${options.days}" is no number of days`);
  return withGateway(context, async ({ http }) => {
    const scopes = options.scope ?? ['read'];
    const made = await http.createKey({
      name,
      scopes,
      ...(days === undefined ? {} : { expiresInDays: days }),
    });
    if (options.json === true) io.out(jsonLine(made));
    else {
      io.out(`${made.key}\n`);
      io.err(`This is shown once. To take it back: holdfast keys revoke ${made.id}\n`);
    }
    return EXIT.ok;
  });
}

export async function runRevokeKey(context: RunContext, id: string, options: JsonOption): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http }) => {
    await http.revokeKey(id);
    if (options.json === true) io.out(jsonLine({ id, revoked: true }));
    else io.err(`revoked ${id}\n`);
    return EXIT.ok;
  });
}
