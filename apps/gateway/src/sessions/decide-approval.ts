// A person's decision on an approval: checked, recorded as the first or refused with who was first, and handed to the
// session's owner. Throws ServiceError with a code of the catalogue.
import {
  canonicalJson,
  Decision,
  DECISIONS_OF,
  isTooLong,
  ServiceError,
  tryParseEvent,
  type ApprovalId,
  type EventBodyOf,
  type SessionId,
  type UserId,
} from '@holdfast/shared/protocol';
import type { ApprovalStore, EventLog, StoredApproval, StoredFrame } from '@holdfast/shared/store';
import { ensureOwner, type EnsureOwnerDeps } from './ensure-owner.ts';
import { stored } from './storage.ts';

export interface DecideRequest {
  readonly approvalId: ApprovalId;
  readonly decision: Decision;
  /** The input that the person saw. */
  readonly inputDigest?: string | undefined;
}

export interface DecideDeps extends EnsureOwnerDeps {
  readonly approvals: ApprovalStore;
  readonly log: Pick<EventLog, 'readHistory'>;
}

interface Call extends DecideRequest {
  readonly userId: UserId;
  readonly sessionId: SessionId;
}

type Resolved = EventBodyOf<'approval_resolved'>;

/** `duplicate`: the same person had decided the same before. Resolves once the decision is the one that counts. */
export async function decideApproval(deps: DecideDeps, call: Call): Promise<{ duplicate: boolean }> {
  const { approvals } = deps;
  const { sessionId, approvalId, decision } = call;
  if (isTooLong(decision)) throw new ServiceError('decision_too_large');
  const pending = await stored(async () => approvals.read(sessionId, approvalId));
  if (pending === null) return afterwards(deps, call);
  checkFits(pending, decision);
  const result = await stored(async () => approvals.decide(call));
  switch (result.status) {
    case 'accepted':
    case 'duplicate':
      await ensureOwner(deps, sessionId, result);
      return { duplicate: result.status === 'duplicate' };
    case 'decided': {
      const first = Decision.parse(JSON.parse(result.answer));
      throw resolvedError({ by: result.by, outcome: first.kind === 'deny' ? 'denied' : 'allowed' });
    }
    case 'not_pending':
      return afterwards(deps, call);
    case 'changed':
      throw new ServiceError('approval_changed', { details: { inputDigest: pending.inputDigest } });
    case 'expired':
      throw new ServiceError('approval_expired');
    case 'lost':
      throw new ServiceError('approval_lost');
    case 'not_found':
      throw new ServiceError('session_not_found');
  }
}

function checkFits(pending: StoredApproval, decision: Decision): void {
  const kinds = DECISIONS_OF[pending.kind];
  if (!kinds.includes(decision.kind)) {
    throw new ServiceError('decision_invalid', { details: { asked: pending.kind, decisions: kinds } });
  }
  if (decision.kind !== 'answer') return;
  const questions = pending.questions ?? [];
  const unknown = Object.keys(decision.answers).filter((question) => !questions.includes(question));
  const unanswered = questions.filter((question) => !isAnswered(decision.answers[question]));
  if (unknown.length > 0 || unanswered.length > 0) {
    throw new ServiceError('decision_invalid', { details: { unknown, unanswered } });
  }
}

function isAnswered(answer: string | readonly string[] | undefined): boolean {
  return typeof answer === 'string' ? answer.trim() !== '' : (answer ?? []).length > 0;
}

/** An approval that waits for nobody (any more): what became of it is in the log. */
async function afterwards(deps: DecideDeps, call: Call): Promise<{ duplicate: boolean }> {
  const resolved = await findResolved(deps.log, call);
  if (resolved === null) throw new ServiceError('approval_not_found');
  switch (resolved.outcome) {
    case 'expired':
      throw new ServiceError('approval_expired');
    case 'lost':
      throw new ServiceError('approval_lost');
    case 'cancelled':
      throw new ServiceError('approval_cancelled');
    case 'allowed':
    case 'denied':
      if (resolved.by === call.userId && isSame(resolved, call.decision)) return { duplicate: true };
      throw resolvedError(resolved);
  }
}

function resolvedError({ by, outcome }: Pick<Resolved, 'by' | 'outcome'>): ServiceError {
  const message = `${by ?? 'The service'} has ${outcome} this already.`;
  return new ServiceError('approval_resolved', { message, details: { by, outcome } });
}

/** Whether a decision says what was carried out. */
function isSame(resolved: Resolved, decision: Decision): boolean {
  switch (decision.kind) {
    case 'allow': {
      const isRuled = decision.rules === undefined || same(decision.rules, resolved.rules);
      const scope = decision.scope === 'once' ? undefined : decision.scope;
      return (
        resolved.outcome === 'allowed' &&
        resolved.scope === scope &&
        isRuled &&
        same(decision.input, resolved.input)
      );
    }
    case 'deny': {
      const message = (decision.message ?? '').trim() === '' ? null : decision.message;
      const isStopped = resolved.stop === true;
      return resolved.outcome === 'denied' && resolved.message === message && isStopped === decision.stop;
    }
    case 'answer':
      return same(decision.answers, resolved.answers);
    case 'plan':
      return resolved.mode === decision.mode;
  }
}

function same(one: unknown, other: unknown): boolean {
  return canonicalJson(one ?? null) === canonicalJson(other ?? null);
}

const PAGE = 200;
/** Further back than this an approval counts as never asked. */
const MAX_PAGES = 25;

async function findResolved(
  log: DecideDeps['log'],
  { sessionId, approvalId }: Pick<Call, 'sessionId' | 'approvalId'>,
): Promise<Resolved | null> {
  let before: number | null = null;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const at: number | null = before;
    const frames: StoredFrame[] = await stored(async () =>
      log.readHistory({ sessionId, before: at, limit: PAGE }),
    );
    for (const { frame } of frames.toReversed()) {
      if (!frame.includes(approvalId)) continue;
      const event = tryParseEvent(JSON.parse(frame));
      if (event?.type === 'approval_resolved' && event.approvalId === approvalId) return event;
    }
    const first = frames[0];
    if (first === undefined || frames.length < PAGE) return null;
    before = first.offset;
  }
  return null;
}
