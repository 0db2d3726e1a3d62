// Sharing sessions with other users: share, unshare.
import { SharedRole, UserId } from '@holdfast/shared/protocol';
import { CliFailure } from '../failure.ts';
import { EXIT } from '../io.ts';
import { jsonLine } from '../render/json.ts';
import { resolveSession } from '../session-id.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

export interface ShareOptions extends JsonOption {
  readonly role?: string;
}

/** Without a user: prints with whom the session is shared. */
export async function runShare(
  context: RunContext,
  given: { readonly id: string; readonly user: string | undefined },
  options: ShareOptions,
): Promise<number> {
  const { io } = context;
  const { user } = given;
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, given.id);
    if (user !== undefined) {
      const role = SharedRole.parse(options.role ?? 'viewer');
      await client.session(sessionId).share(userIdOf(user), role);
      if (options.json === true) io.out(jsonLine({ sessionId, userId: user, role }));
      else io.err(`${user} is ${role} of ${sessionId}\n`);
      return EXIT.ok;
    }
    const roles = await http.roles(sessionId);
    if (options.json === true) io.out(jsonLine(roles));
    else if (roles.length === 0) io.err('The session is shared with nobody\n');
    else io.out(roles.map(({ userId, role }) => `${userId}  ${role}\n`).join(''));
    return EXIT.ok;
  });
}

export async function runUnshare(
  context: RunContext,
  given: { readonly id: string; readonly user: string },
  options: JsonOption,
): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, given.id);
    await client.session(sessionId).unshare(userIdOf(given.user));
    if (options.json === true) io.out(jsonLine({ sessionId, userId: given.user }));
    else io.err(`${sessionId} is not shared with ${given.user} any more\n`);
    return EXIT.ok;
  });
}

function userIdOf(text: string): UserId {
  const parsed = UserId.safeParse(text);
  if (!parsed.success) throw new CliFailure(`"${text}" is no user id`);
  return parsed.data;
}
