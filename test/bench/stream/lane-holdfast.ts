// The product's sending side: sessions created and claimed as gateway and worker do it, and the worker's own writer
// for each.
import { randomUUID } from 'node:crypto';
import {
  applyEvent,
  CreateId,
  EMPTY_VIEW,
  SessionSettings,
  UserId,
  WorkerId,
  type SessionEvent,
} from '@holdfast/shared/protocol';
import { createLogger } from '@holdfast/shared/runtime';
import {
  createEventLog,
  createSessionStore,
  createWorkerRegistry,
  type Ownership,
  type Redis,
} from '@holdfast/shared/store';
import { EventWriter } from '../../../apps/worker/src/session/event-writer.ts';
import { answerEvent, type ProducerLane } from './lane.ts';

export const BENCH_USER = UserId.parse('local');
const SETTINGS = SessionSettings.parse({});
/** Sessions that are made at a time. */
const CONCURRENCY = 64;
/** Longer than any run: the gateways must find a living owner. */
const LEASE_MS = 3_600_000;

/** A session and the writer of its log. */
export interface WrittenSession {
  readonly owner: Ownership;
  readonly writer: EventWriter;
}

/** Makes sessions as the product would, each with its first two events. */
export async function createSessionMaker(redis: Redis): Promise<() => Promise<WrittenSession>> {
  const logger = createLogger({ part: 'producer', level: 'warn' });
  // As in a worker, each append says until when it may be done.
  const log = createEventLog(redis, () => Date.now() + LEASE_MS);
  const store = createSessionStore(redis);
  const identity = { workerId: WorkerId.parse('bench'), incarnation: randomUUID() };
  const info = {
    version: '0',
    hostname: 'bench',
    pid: process.pid,
    children: 0,
    capacity: 1,
    draining: false,
  };
  await createWorkerRegistry(redis).heartbeat(identity, LEASE_MS, info);
  return async () => {
    const { sessionId } = await store.reserveId(BENCH_USER, CreateId.parse(randomUUID()));
    const at = Date.now();
    const fields = { sessionId, userId: BENCH_USER, title: null, cwd: '/workspace', settings: SETTINGS };
    const created: SessionEvent = { offset: 1, at, type: 'session_created', ...fields };
    const epoch = randomUUID().slice(0, 8);
    await store.create({ ...fields, epoch, frame: JSON.stringify(created), at });
    const observed = await store.read(sessionId);
    if (observed === null) throw new Error('a session just created is not there');
    const claim = { observed, ...identity, freshEpoch: randomUUID().slice(0, 8) };
    const claimed = await store.claim(claim);
    if (claimed.status !== 'claimed') throw new Error(`a claim was ${claimed.status}`);
    const owner = claimed.ownership;
    const writer = new EventWriter({
      ...{ log, logger, owner, now: Date.now, view: applyEvent(EMPTY_VIEW, created) },
      onLost: (reason) => {
        throw new Error(`a session was lost: ${reason}`);
      },
      onPressure: () => undefined,
    });
    writer.push([{ type: 'owner_changed', workerId: identity.workerId, fence: owner.fence }]);
    return { owner, writer };
  };
}

export async function createHoldfastLane(redis: Redis): Promise<ProducerLane> {
  const make = await createSessionMaker(redis);
  const sessions: WrittenSession[] = [];
  return {
    open: async (count) => {
      for (let left = count; left > 0; left -= CONCURRENCY) {
        const made = await Promise.all(Array.from({ length: Math.min(left, CONCURRENCY) }, make));
        await Promise.all(made.map(async ({ writer }) => writer.flushed()));
        sessions.push(...made);
      }
    },
    push: (index, event) => sessions[index]?.writer.push([answerEvent(event)]),
    placeOf: (index) => {
      const session = sessions[index];
      if (session === undefined) throw new Error(`there is no session ${index}`);
      const { owner, writer } = session;
      return { id: owner.sessionId, epoch: owner.epoch, offset: writer.view.offset };
    },
    flushed: async () => {
      for (const { writer } of sessions) await writer.flushed();
    },
  };
}
