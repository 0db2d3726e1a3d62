// The one place that decides what a caller may do: by the role in the session, and by what the credential is good for.
import { ServiceError, type SessionRole, type UserId } from '@holdfast/shared/protocol';

/** What a credential is good for. A login has all of them; an API key those it was made with. */
export const SCOPES = ['read', 'decide', 'write', 'manage'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who asks. */
export interface Caller {
  readonly userId: UserId;
  readonly scopes: ReadonlySet<Scope>;
}

interface Rule {
  readonly roles: readonly SessionRole[];
  readonly scope: Scope;
}

const OWNER: readonly SessionRole[] = ['owner'];
const DECIDERS: readonly SessionRole[] = ['owner', 'approver'];
const READERS: readonly SessionRole[] = ['owner', 'approver', 'viewer'];

/** Everything that can be done in a session, and who may do it. */
const SESSION_RULES = {
  read: { roles: READERS, scope: 'read' },
  decide: { roles: DECIDERS, scope: 'decide' },
  /** A rule for all of the owner's sessions in a folder reaches further than the session that was shared. */
  decideAlways: { roles: OWNER, scope: 'write' },
  open: { roles: OWNER, scope: 'write' },
  prompt: { roles: OWNER, scope: 'write' },
  changeQueue: { roles: OWNER, scope: 'write' },
  abort: { roles: OWNER, scope: 'write' },
  change: { roles: OWNER, scope: 'write' },
  share: { roles: OWNER, scope: 'manage' },
  delete: { roles: OWNER, scope: 'write' },
} as const satisfies Record<string, Rule>;

export type SessionAction = keyof typeof SESSION_RULES;

/** Everything that a user does with what is theirs alone. */
const OWN_RULES = {
  list: 'read',
  create: 'write',
  readRules: 'read',
  changeRules: 'write',
  manageKeys: 'manage',
} as const satisfies Record<string, Scope>;

export type OwnAction = keyof typeof OWN_RULES;

/**
 * Lets the action pass, or throws: `session_not_found` for somebody without any role (`role` null), which is also the
 * answer for a session that does not exist, and `not_permitted` when the role or the credential is not enough.
 */
export function authorise(
  caller: Caller,
  asked:
    | { readonly action: SessionAction; readonly role: SessionRole | null }
    | { readonly action: OwnAction }
    | { readonly action: 'readAudit'; readonly isAdmin: boolean },
): void {
  if ('role' in asked) {
    const { action, role } = asked;
    if (role === null) throw new ServiceError('session_not_found');
    const { roles, scope }: Rule = SESSION_RULES[action];
    if (!roles.includes(role)) throw new ServiceError('not_permitted', { details: { role } });
    checkScope(caller, scope);
  } else if ('isAdmin' in asked) {
    if (!asked.isAdmin) throw new ServiceError('not_permitted');
    checkScope(caller, 'manage');
  } else {
    checkScope(caller, OWN_RULES[asked.action]);
  }
}

function checkScope({ scopes }: Caller, scope: Scope): void {
  if (!scopes.has(scope)) throw new ServiceError('not_permitted', { details: { scope } });
}

const ALL: ReadonlySet<Scope> = new Set(SCOPES);

/** A user who logged in, and may do everything that is theirs to do. */
export function callerOf(userId: UserId): Caller {
  return { userId, scopes: ALL };
}
