// Session ids may be shortened to any beginning or end that only one session has.
import type { HttpApi } from '@holdfast/client';
import { SessionId } from '@holdfast/shared/protocol';
import { CliFailure } from './failure.ts';

/** Throws {@link CliFailure} when none or several sessions fit. */
export function matchSession(ids: readonly SessionId[], given: string): SessionId {
  const wanted = given.toLowerCase();
  const matches = ids.filter((id) => {
    const lower = id.toLowerCase();
    return lower.startsWith(wanted) || lower.endsWith(wanted);
  });
  const [first, ...others] = matches;
  if (first === undefined) throw new CliFailure(`No session fits "${given}": "holdfast ls" lists yours`);
  if (others.length > 0) {
    const some = matches.slice(0, 3).join(', ');
    throw new CliFailure(`"${given}" fits ${matches.length} sessions (${some}, …): give more of the id`);
  }
  return first;
}

/** A whole id is taken as it is; anything shorter is looked up in the user's lists. */
export async function resolveSession(http: HttpApi, given: string): Promise<SessionId> {
  const whole = SessionId.safeParse(given);
  if (whole.success) return whole.data;
  if (given.trim() === '') throw new CliFailure('The session id is empty: "holdfast ls" lists yours');
  const lists = await Promise.all([http.list(), http.list({ archived: true })]);
  return matchSession(
    lists.flat().map((session) => session.sessionId),
    given,
  );
}
