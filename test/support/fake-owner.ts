// Writes a session's log as its owner would, through the store, where a test needs no CLI and no worker process.
import { randomUUID } from 'node:crypto';
import {
  CreateId,
  mintTurnId,
  SessionSettings,
  UserId,
  WorkerId,
  type EventBody,
  type SessionEvent,
  type SessionId,
} from '@holdfast/shared/protocol';
import {
  createEventLog,
  createSessionStore,
  createWorkerRegistry,
  sessionKeys,
  type AppendEffects,
  type AppendResult,
  type Ownership,
  type Redis,
} from '@holdfast/shared/store';

export interface FakeOwner {
  readonly sessionId: SessionId;
  readonly ownership: Ownership;
  /** The last offset written. */
  readonly head: number;
  /** Appends as one batch; offsets are given here. */
  append(
    bodies: readonly EventBody[],
    effects?: (events: SessionEvent[]) => AppendEffects,
  ): Promise<AppendResult>;
  /** The frames written so far, as stored, by offset. */
  readonly frames: ReadonlyMap<number, string>;
}

/** Creates a session straight in Redis, for any user; `cwd` need not be there unless a child is to be started. */
export async function createStoredSession(redis: Redis, user = 'local', cwd = '/w'): Promise<SessionId> {
  const store = createSessionStore(redis);
  const userId = UserId.parse(user);
  const { sessionId } = await store.reserveId(userId, CreateId.parse(randomUUID()));
  const settings = SessionSettings.parse({});
  const at = Date.now();
  const session = { sessionId, userId, title: null, cwd, settings };
  const frame = JSON.stringify({ offset: 1, at, type: 'session_created', ...session });
  await store.create({ ...session, epoch: randomUUID().slice(0, 8), frame, at });
  return sessionId;
}

/** As if an owner had last seen another Redis server than this one: the next claim starts a new epoch. */
export async function changeServer(redis: Redis, sessionId: SessionId): Promise<void> {
  await redis.hset(sessionKeys(sessionId).meta, 'runId', 'another server');
}

/** Claims a session for a worker that exists in Redis only. */
export async function ownSession(redis: Redis, sessionId: SessionId): Promise<FakeOwner> {
  const store = createSessionStore(redis);
  const identity = {
    workerId: WorkerId.parse(`fake-${randomUUID().slice(0, 8)}`),
    incarnation: randomUUID(),
  };
  const info = { version: '0', hostname: 'test', pid: 1, children: 0, capacity: 1, draining: false };
  await createWorkerRegistry(redis).heartbeat(identity, 600_000, info);
  const observed = await store.read(sessionId);
  if (observed === null) throw new Error('no such session');
  const freshEpoch = randomUUID().slice(0, 8);
  const claim = await store.claim({ observed, ...identity, freshEpoch });
  if (claim.status !== 'claimed') throw new Error(`the claim was ${claim.status}`);
  const log = createEventLog(redis);
  const frames = new Map<number, string>();
  let head = claim.head;
  return {
    sessionId,
    ownership: claim.ownership,
    frames,
    get head() {
      return head;
    },
    append: async (bodies, effects) => {
      const first = head + 1;
      const events = bodies.map((body, index) => ({ ...body, offset: first + index, at: Date.now() }));
      const texts = events.map((event) => JSON.stringify(event));
      head += bodies.length;
      for (const [index, text] of texts.entries()) frames.set(first + index, text);
      const owner = claim.ownership;
      return log.append({ owner, first, frames: texts, effects: effects?.(events) });
    },
  };
}

/** Notices with consecutive numbers in their text. */
export function notices(count: number, text = 'n'): EventBody[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'notice' as const,
    kind: 'info' as const,
    text: `${text}${index}`,
  }));
}

const TURN = mintTurnId();

/** Deltas of one block. */
export function deltas(count: number, text: string, messageId = 'm1'): EventBody[] {
  return Array.from({ length: count }, () => ({
    type: 'message_delta' as const,
    turnId: TURN,
    messageId,
    block: 0,
    kind: 'text' as const,
    text,
  }));
}

/** Appends small batches one after the other until told to stop. */
export async function writeUntil(signal: AbortSignal, owner: FakeOwner): Promise<void> {
  for (let batch = 0; !signal.aborted; batch += 1) await owner.append(notices(1 + (batch % 7)));
}
