// An event writer on a session in a real Redis, and what it left there; Redis can be put back to an earlier state.
import { SessionEvent, textContent, type EventBody, type TurnId } from '@holdfast/shared/protocol';
import { createEventLog, storedKeysOf, type EventLog, type Redis } from '@holdfast/shared/store';
import { foldLog } from '../../apps/worker/src/claim/claimer.ts';
import { EventWriter, type EventWriterDeps } from '../../apps/worker/src/session/event-writer.ts';
import { createStoredSession, ownSession, type FakeOwner } from '../support/fake-owner.ts';
import { silentLogger } from '../support/redis.ts';

export interface Writing {
  readonly owner: FakeOwner;
  readonly writer: EventWriter;
  readonly log: EventLog;
  readonly lost: string[];
  readonly pressure: boolean[];
  /** All frames in the log, as stored, with their stream ids. */
  stored(): Promise<[string, string][]>;
  events(): Promise<SessionEvent[]>;
}

/** A writer on a fresh session. `through`: changes the log the writer sees (it stays a real one). */
export async function startWriting(
  redis: Redis,
  through: (log: EventLog) => EventLog = (log) => log,
): Promise<Writing> {
  return writeAs(redis, await ownSession(redis, await createStoredSession(redis)), through);
}

export async function writeAs(
  redis: Redis,
  owner: FakeOwner,
  through: (log: EventLog) => EventLog = (log) => log,
): Promise<Writing> {
  const log = createEventLog(redis);
  const lost: string[] = [];
  const pressure: boolean[] = [];
  const deps: EventWriterDeps = {
    log: through(log),
    logger: silentLogger,
    owner: owner.ownership,
    view: await foldLog(log, owner.sessionId, owner.head),
    now: () => 7,
    onLost: (reason) => lost.push(reason),
    onPressure: (isPaused) => pressure.push(isPaused),
  };
  const [, events = ''] = storedKeysOf(owner.sessionId);
  const stored = async (): Promise<[string, string][]> =>
    (await redis.xrange(events, '-', '+')).map(([id, fields]) => [id, fields[1] ?? '']);
  return {
    ...{ owner, log, lost, pressure, stored },
    writer: new EventWriter(deps),
    events: async () => (await stored()).map(([, frame]) => SessionEvent.parse(JSON.parse(frame))),
  };
}

/** Remembers every key of a session, and can bring that state back: Redis as it was, later writes forgotten. */
export async function remember(redis: Redis, owner: FakeOwner): Promise<() => Promise<void>> {
  const keys = storedKeysOf(owner.sessionId);
  const dumps = await Promise.all(keys.map(async (key) => redis.dumpBuffer(key)));
  return async () => {
    const restore = redis.multi().del(...keys);
    for (const [index, key] of keys.entries()) {
      const dump = dumps[index];
      if (dump !== null && dump !== undefined) restore.restore(key, 0, dump);
    }
    await restore.exec();
  };
}

export const started = (turnId: TurnId): EventBody => ({
  type: 'turn_started',
  turnId,
  promptId: null,
  content: textContent('Make it so\nplease'),
  attempt: 1,
});
export const ended = (turnId: TurnId): EventBody => ({
  type: 'turn_ended',
  turnId,
  stopReason: 'end_turn',
  error: null,
  durationMs: 1,
  apiDurationMs: 1,
  costUsd: 0,
  usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
});
