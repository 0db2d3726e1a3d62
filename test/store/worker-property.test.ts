// The registry scripts against a model: who is alive, what each had to do, who is the reaper. Leases are either
// over at once or longer than the test, so that the model needs no clock.
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintSessionId, WorkerId } from '@holdfast/shared/protocol';
import { createWorkerRegistry, type Redis, type WorkerIdentity } from '@holdfast/shared/store';
import { startRedis, type TestRedis } from '../support/redis.ts';

const LONG_MS = 600_000;
const SESSIONS = [mintSessionId(), mintSessionId()];
const info = { version: '1', hostname: 'h', pid: 1, children: 0, capacity: 1, draining: false };

interface WorkerModel {
  /** null: it said that it is leaving. */
  incarnation: string | null;
  isAlive: boolean;
  readonly active: Set<string>;
}
interface Model {
  readonly workers: Map<string, WorkerModel>;
  reaper: string | null;
}

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

type Step = fc.AsyncCommand<Model, Redis>;

function step(name: string, run: (model: Model, redis: Redis) => Promise<void>): Step {
  return { check: () => true, run, toString: () => name };
}

const identity = fc
  .tuple(fc.constantFrom('w1', 'w2'), fc.constantFrom('a', 'b'))
  .map(([workerId, incarnation]): WorkerIdentity => ({ workerId: WorkerId.parse(workerId), incarnation }));

function holds(worker: WorkerModel | undefined, { incarnation }: WorkerIdentity): worker is WorkerModel {
  return worker?.incarnation === incarnation;
}

const heartbeat = fc.tuple(identity, fc.constantFrom(0, LONG_MS)).map(([who, leaseMs]) =>
  step(`heartbeat(${who.workerId}/${who.incarnation}, ${leaseMs})`, async (model, redis) => {
    const known = model.workers.get(who.workerId);
    const isTaken = known?.isAlive === true && known.incarnation !== null && !holds(known, who);
    if (!isTaken) {
      const active = known?.active ?? new Set();
      model.workers.set(who.workerId, { incarnation: who.incarnation, isAlive: leaseMs > 0, active });
    }
    const outcome = await createWorkerRegistry(redis).heartbeat(who, leaseMs, info);
    expect(outcome).toBe(isTaken ? 'taken' : 'alive');
  }),
);

const retire = identity.map((who) =>
  step(`retire(${who.workerId}/${who.incarnation})`, async (model, redis) => {
    const known = model.workers.get(who.workerId);
    if (holds(known, who)) {
      Object.assign(known, { incarnation: null, isAlive: false });
      if (model.reaper === `${who.workerId}/${who.incarnation}`) model.reaper = null;
    }
    await createWorkerRegistry(redis).retire(who);
  }),
);

const noteActive = fc.tuple(identity, fc.constantFrom(...SESSIONS)).map(([who, sessionId]) =>
  step(`noteActive(${who.workerId}/${who.incarnation})`, async (model, redis) => {
    const known = model.workers.get(who.workerId);
    const isAlive = holds(known, who) && known.isAlive;
    if (isAlive) known.active.add(sessionId);
    expect(await createWorkerRegistry(redis).noteActive(who, sessionId)).toBe(isAlive);
  }),
);

const clearActive = fc.tuple(identity, fc.constantFrom(...SESSIONS)).map(([who, sessionId]) =>
  step(`clearActive(${who.workerId})`, async (model, redis) => {
    model.workers.get(who.workerId)?.active.delete(sessionId);
    await createWorkerRegistry(redis).clearActive(who.workerId, sessionId);
  }),
);

const elect = identity.map((who) =>
  step(`electReaper(${who.workerId}/${who.incarnation})`, async (model, redis) => {
    const candidate = `${who.workerId}/${who.incarnation}`;
    const isElected = model.reaper === null || model.reaper === candidate;
    if (isElected) model.reaper = candidate;
    const dead = [...model.workers].filter(([, worker]) => !worker.isAlive).map(([workerId]) => workerId);
    const outcome = await createWorkerRegistry(redis).electReaper(who, LONG_MS);
    expect(outcome?.toSorted() ?? null).toEqual(isElected ? dead.toSorted() : null);
  }),
);

const forget = fc.constantFrom('w1', 'w2').map((workerId) =>
  step(`forget(${workerId})`, async (model, redis) => {
    const isAlive = model.workers.get(workerId)?.isAlive === true;
    if (!isAlive) model.workers.delete(workerId);
    const outcome = await createWorkerRegistry(redis).forget(WorkerId.parse(workerId));
    expect(outcome).toBe(isAlive ? 'alive' : 'forgotten');
  }),
);

const look = identity.map((who) =>
  step(`look(${who.workerId}/${who.incarnation})`, async (model, redis) => {
    const registry = createWorkerRegistry(redis);
    const known = model.workers.get(who.workerId);
    expect(await registry.isAlive(who)).toBe(holds(known, who) && known.isAlive);
    expect((await registry.activeSessions(who.workerId)).toSorted()).toEqual(
      [...(known?.active ?? [])].toSorted(),
    );
    const listed = (await registry.list()).map((worker) => `${worker.workerId}/${worker.incarnation}`);
    const expected = [...model.workers].filter(([, worker]) => worker.incarnation !== null);
    expect(listed.toSorted()).toEqual(
      expected.map(([workerId, worker]) => `${workerId}/${worker.incarnation}`).toSorted(),
    );
  }),
);

describe('the registry scripts', () => {
  it('answer and store what the model says [E-03]', async () => {
    const steps = fc.commands([heartbeat, retire, noteActive, clearActive, elect, forget, look], {
      size: '+1',
    });
    const property = fc.asyncProperty(steps, async (commands) => {
      await redis.flushall();
      await fc.asyncModelRun(() => ({ model: { workers: new Map(), reaper: null }, real: redis }), commands);
    });
    await fc.assert(property, { numRuns: 100 });
  });
});
