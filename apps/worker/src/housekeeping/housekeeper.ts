// One round of housekeeping: retires sessions that nobody uses any more, finds an owner for sessions whose hint was
// lost, repairs the users' lists, and removes what deleted sessions left. May be cut off and repeated at any point.
import type { SessionId, UserId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type {
  HousekeepingStore,
  Inventory,
  ObservedOwner,
  PlacementQueue,
  SessionFacts,
  WorkerRegistry,
} from '@holdfast/shared/store';
import { removeLeftoverFolders } from './leftover-folders.ts';

export interface HousekeeperDeps {
  readonly store: HousekeepingStore;
  readonly registry: Pick<WorkerRegistry, 'isAlive' | 'noteActive'>;
  readonly placement: Pick<PlacementQueue, 'request'>;
  readonly logger: Logger;
  readonly dataDir: string;
  /** How long an idle session is kept, in ms; 0: for ever. */
  readonly retentionMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What a round has done. */
export interface HouseReport {
  readonly sessions: number;
  /** Sessions that are deleted because nobody used them for long. */
  readonly retired: number;
  /** Sessions with something to do that nobody was doing: placed anew. */
  readonly placed: number;
  readonly enlisted: number;
  readonly unlisted: number;
  /** Keys and folders of deleted sessions. */
  readonly leftovers: number;
}

const PAGE = 500;
/** Each retired session is claimed and its child ended: more at once would keep the workers from their work. */
const MAX_RETIRED_A_ROUND = 500;
/** What is younger may be on its way: a command whose hint is about to be queued, a list entry before its session. */
const SETTLED_MS = 60_000;

/** Ends early, by throwing, when `signal` is aborted. */
export async function keepHouse(deps: HousekeeperDeps, signal: AbortSignal): Promise<HouseReport> {
  const { store, logger } = deps;
  const inventory = await store.takeInventory(signal);
  const { listed, unlisted } = await clearLists(deps, inventory);
  const counts = { retired: 0, placed: 0, enlisted: 0 };
  const ids = [...inventory.sessions];
  for (let at = 0; at < ids.length; at += PAGE) {
    signal.throwIfAborted();
    for (const facts of await store.facts(ids.slice(at, at + PAGE))) {
      if (counts.retired < MAX_RETIRED_A_ROUND && (await retire(deps, facts))) counts.retired += 1;
      else if (await placeForgotten(deps, facts)) counts.placed += 1;
      else if (!listed.has(entryOf(facts)) && (await enlist(deps, facts))) counts.enlisted += 1;
    }
  }
  const leftovers = await clearLeftovers(deps, inventory);
  const report = { sessions: ids.length, ...counts, unlisted, leftovers };
  logger.info({ report }, 'housekeeping is done');
  return report;
}

/** Deletes the session by the way of every deletion, if its time is over. */
async function retire(deps: HousekeeperDeps, facts: SessionFacts): Promise<boolean> {
  const { store, retentionMs, now } = deps;
  if (retentionMs === 0 || facts.deleting) return false;
  const idleSince = now() - retentionMs;
  if (facts.status !== 'idle' || facts.updatedAt >= idleSince) return false;
  const { sessionId, userId } = facts;
  const result = await store.expire({ sessionId, userId, idleSince });
  if (result.status !== 'accepted') return false;
  deps.logger.info(
    { sessionId, updatedAt: facts.updatedAt },
    'a session was idle for too long: it is deleted',
  );
  await tell(deps, sessionId, result.owner);
  await store.unlist(userId, sessionId);
  return true;
}

/** The owner hears its doorbell; without a living one, the session is placed. */
async function tell(deps: HousekeeperDeps, sessionId: SessionId, owner: ObservedOwner): Promise<void> {
  if (owner !== null && (await deps.registry.noteActive(owner, sessionId))) return;
  await deps.placement.request(sessionId);
}

/** A hint may be lost between a command and its queue. Prompts that wait for a person are left to wait. */
async function placeForgotten(deps: HousekeeperDeps, facts: SessionFacts): Promise<boolean> {
  const { sessionId, owner, unread, status, updatedAt } = facts;
  const hasWork = unread > 0 || status === 'queued' || status === 'running' || status === 'awaiting_approval';
  if (!hasWork || deps.now() - updatedAt < SETTLED_MS) return false;
  if (owner !== null && (await deps.registry.isAlive(owner))) return false;
  await deps.placement.request(sessionId);
  return true;
}

async function enlist(deps: HousekeeperDeps, facts: SessionFacts): Promise<boolean> {
  const { sessionId, userId, createdAt, deleting } = facts;
  if (deleting) return false;
  await deps.store.enlist(userId, { sessionId, since: createdAt });
  return true;
}

function entryOf(entry: { readonly userId: UserId; readonly sessionId: SessionId }): string {
  return `${entry.userId} ${entry.sessionId}`;
}

/** Takes entries out of the lists whose sessions are gone, and says which sessions stand in whose list. */
async function clearLists(
  deps: HousekeeperDeps,
  { users, sessions }: Inventory,
): Promise<{ readonly listed: ReadonlySet<string>; readonly unlisted: number }> {
  const { store, now } = deps;
  const listed = new Set<string>();
  let unlisted = 0;
  for (const userId of users) {
    for (const { sessionId, since } of await store.listOf(userId)) {
      listed.add(entryOf({ userId, sessionId }));
      if (sessions.has(sessionId) || now() - since < SETTLED_MS || (await store.exists(sessionId))) continue;
      await store.unlist(userId, sessionId);
      unlisted += 1;
    }
  }
  return { listed, unlisted };
}

async function clearLeftovers(deps: HousekeeperDeps, { leftovers }: Inventory): Promise<number> {
  let removed = 0;
  for (const sessionId of leftovers) removed += await deps.store.removeLeftovers(sessionId);
  return removed + (await removeLeftoverFolders(deps.dataDir, deps.store));
}
