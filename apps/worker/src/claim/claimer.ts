// Turns a placement hint into ownership: looks whether anybody living owns the session, claims it, rebuilds its
// view and queue from what is stored, and starts its runner.
import {
  applyEvent,
  EMPTY_VIEW,
  SessionView,
  SNAPSHOT_LIMITS,
  tryParseEvent,
  type SessionId,
} from '@holdfast/shared/protocol';
import { metrics } from '@holdfast/shared/runtime';
import type {
  CommandInbox,
  EventLog,
  Ownership,
  SessionMeta,
  SessionStore,
  WorkerIdentity,
  WorkerRegistry,
} from '@holdfast/shared/store';
import type { ClaimNote, ClaimNotes } from './claim-notes.ts';
import { PromptQueue, WaitingPrompt } from '../session/prompt-queue.ts';

export interface ClaimerDeps {
  readonly sessions: SessionStore;
  readonly registry: WorkerRegistry;
  readonly log: EventLog;
  readonly inbox: CommandInbox;
  readonly identity: WorkerIdentity;
  /** Whether a worker that looks dead may be believed dead just now. */
  readonly maySeize: () => boolean | Promise<boolean>;
  /** Whether the session needs an owner at all; asked of what is stored, before anything else. */
  readonly isNeeded?: (meta: SessionMeta) => boolean;
  /** Witness of claims beside Redis; without it, Redis alone is believed. */
  readonly notes?: ClaimNotes;
}

/** A session that is ours now, with its state as the last owner left it. */
export interface Claimed {
  readonly owner: Ownership;
  readonly meta: SessionMeta;
  readonly view: SessionView;
  readonly queue: PromptQueue;
  /** Prompts that the last owner had begun and not ended. */
  readonly taken: readonly WaitingPrompt[];
}

export type ClaimOutcome =
  | { readonly status: 'claimed'; readonly claimed: Claimed }
  /** A living worker owns it, or somebody was quicker, or it is gone or has nothing to do. */
  | { readonly status: 'not_needed' }
  /**
   * Its owner looks dead, but so does everybody after an outage of Redis; or a living worker has not noticed yet that
   * its claim was lost: ask again in a moment.
   */
  | { readonly status: 'later' };

const PAGE = 500;

/**
 * Whether an owner has anything to do: unread commands, a turn, prompts that may run. A hint may come late, when its
 * commands were obeyed and the session was put to rest again.
 */
export function hasWork(meta: Pick<SessionMeta, 'inboxHead' | 'inboxAcked' | 'status'>): boolean {
  return meta.inboxHead > meta.inboxAcked || (meta.status !== 'idle' && meta.status !== 'paused');
}

export async function claimSession(deps: ClaimerDeps, sessionId: SessionId): Promise<ClaimOutcome> {
  const meta = await deps.sessions.read(sessionId);
  if (meta === null || deps.isNeeded?.(meta) === false) return { status: 'not_needed' };
  if (meta.owner !== null && (await deps.registry.isAlive(meta.owner))) return { status: 'not_needed' };
  if (meta.owner !== null && !(await deps.maySeize())) return { status: 'later' };
  const note = (await deps.notes?.read(meta)) ?? null;
  if (note !== null && (await isHeldUnknown(deps, meta, note))) return { status: 'later' };
  const { workerId, incarnation } = deps.identity;
  const result = await deps.sessions.claim({
    observed: meta,
    ...{ workerId, incarnation, freshEpoch: freshEpoch(), knownFence: note?.fence ?? 0 },
  });
  if (result.status !== 'claimed') return { status: 'not_needed' };
  const { fence } = result.ownership;
  const noted = await deps.notes?.write(meta, { fence, workerId, incarnation, isHeld: true });
  if (noted === 'newer') {
    await deps.sessions.release(result.ownership);
    return { status: 'later' };
  }
  if (meta.owner !== null) metrics.takeovers.inc();
  const [view, stored] = await Promise.all([
    foldLog(deps.log, sessionId, result.head),
    deps.inbox.readQueue(sessionId),
  ]);
  const queue = new PromptQueue(stored.waiting, view.queuePaused);
  const taken = stored.taken.map(({ json }) => WaitingPrompt.parse(JSON.parse(json)));
  return {
    status: 'claimed',
    claimed: {
      owner: result.ownership,
      meta: { ...meta, inboxAcked: result.inboxAcked },
      view,
      queue,
      taken,
    },
  };
}

/**
 * Whether another worker holds the session by a claim that Redis has lost, and may be living: a Redis that lost the
 * claim may have lost heartbeats, too. It finds out by itself and ends its child, or its guardian stops that; until
 * then nobody may start another one.
 */
async function isHeldUnknown(deps: ClaimerDeps, meta: SessionMeta, note: ClaimNote): Promise<boolean> {
  if (!note.isHeld || note.fence <= meta.fence) return false;
  if (note.incarnation === deps.identity.incarnation) return false;
  return !(await deps.maySeize()) || (await deps.registry.isAlive(note));
}

/** The view at `head`: the stored snapshot and the events after it. */
export async function foldLog(log: EventLog, sessionId: SessionId, head: number): Promise<SessionView> {
  const base = await log.resume({ sessionId, userId: null, position: null, limit: 1 });
  let view =
    base.status === 'reset' && base.snapshot !== null
      ? SessionView.parse(JSON.parse(base.snapshot))
      : EMPTY_VIEW;
  while (view.offset < head) {
    const page = await log.readAfter({ sessionId, after: view.offset, upTo: head, limit: PAGE });
    if (page.length === 0) break;
    for (const { offset, frame } of page) {
      const event = tryParseEvent(JSON.parse(frame));
      // An event of a newer version still counts: it has an offset.
      view = event === undefined ? { ...view, offset } : applyEvent(view, event, SNAPSHOT_LIMITS);
    }
  }
  return { ...view, offset: head };
}

/** A name for a new incarnation of a log. */
function freshEpoch(): string {
  return crypto.randomUUID().replaceAll('-', '').slice(0, 12);
}
