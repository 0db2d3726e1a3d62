// Random commands for the property test of the session scripts: each runs on the model and on Redis, and whatever
// comes back, and whatever is stored then, must be the same.
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { Command, textContent, UserId, WorkerId, type SessionId } from '@holdfast/shared/protocol';
import {
  createCommandInbox,
  createEventLog,
  createSessionStore,
  storedKeysOf,
  tombstonesKey,
  type AppendEffects,
  type Ownership,
  type Redis,
  type SessionMeta,
} from '@holdfast/shared/store';
import { changeServer } from '../support/fake-owner.ts';
import { until } from '../support/until.ts';
import type { ModelState, SessionModel } from './session-model.ts';
import { readStored, storedForm } from './stored-session.ts';

/** The session in Redis, and what the actors around it hold in their hands. */
export interface Real {
  readonly redis: Redis;
  readonly sessionId: SessionId;
  /** Everybody who ever got a claim through, also by claims that were lost since. */
  readonly owners: Ownership[];
  /** What somebody read and may still act on. */
  observed: { meta: SessionMeta; model: Pick<ModelState, 'fence' | 'owner'> } | null;
  saved: { key: string; dump: Buffer }[];
  /** How many failovers there were. */
  failovers: number;
  /** Every kind of answer that was seen, as `script: outcome`. */
  readonly outcomes: Set<string>;
}

type Step = fc.AsyncCommand<SessionModel, Real>;

const USERS = ['ann', 'bob'];
const settings = { permissionMode: 'default' as const, allowedTools: [], disallowedTools: [] };

function step(
  name: string,
  run: (model: SessionModel, real: Real) => Promise<void>,
  check: (model: Readonly<SessionModel>) => boolean = () => true,
): Step {
  return {
    check,
    run: async (model, real) => {
      await run(model, real);
      expect(await readStored(real.redis, real.sessionId)).toEqual(
        model.state === null ? null : storedForm(model.state),
      );
      const writers = real.owners.filter(
        (owner) => owner.fence === model.state?.fence && owner.incarnation === model.state.owner?.incarnation,
      );
      expect(writers.length).toBeLessThanOrEqual(1);
    },
    toString: () => name,
  };
}

const createAs = (user: string): Step =>
  step(`create(${user})`, async (model, { redis, sessionId, outcomes }) => {
    const frame = `{"offset":1,"by":"${user}"}`;
    const outcome = await createSessionStore(redis).create({
      ...{
        sessionId,
        userId: UserId.parse(user),
        epoch: 'e0',
        cwd: '/w',
        title: null,
        settings,
        frame,
        at: 1,
      },
    });
    outcomes.add(`create: ${outcome}`);
    expect(outcome).toBe(model.create({ user, epoch: 'e0', frame }));
  });
const create = fc.constantFrom(...USERS).map(createAs);

const submit = fc
  .tuple(
    fc.constantFrom('ann', 'ann', 'ann', 'ann', 'bob'),
    fc.constantFrom('p1', 'p2', 'p3', 'abort', 'delete'),
  )
  .map(([user, what]) =>
    step(`submit(${user}, ${what})`, async (model, { redis, sessionId, outcomes }) => {
      const command = commandOf(what, user);
      const outcome = await createCommandInbox(redis).submit({
        sessionId,
        userId: UserId.parse(user),
        command,
      });
      outcomes.add(`submit: ${outcome.status}`);
      expect(outcome).toEqual(model.submit(user, command));
    }),
  );

function commandOf(what: string, user: string): Command {
  const by = UserId.parse(user);
  if (what === 'abort') return { type: 'abort', turnId: null, queue: 'keep', background: 'keep', by };
  if (what === 'delete') return { type: 'delete', by };
  return Command.parse({ type: 'prompt', promptId: what, content: textContent(what), by });
}

const acknowledge = fc.tuple(fc.nat(9), fc.nat(6)).map(([whose, seq]) =>
  step(`acknowledge(${whose}, ${seq})`, async (model, { redis, owners, outcomes }) => {
    const owner = owners[whose % Math.max(1, owners.length)];
    if (owner === undefined) return;
    const known = Math.min(seq, model.state?.inboxHead ?? 0);
    const outcome = await createCommandInbox(redis).acknowledge(owner, known);
    outcomes.add(`acknowledge: ${outcome}`);
    expect(outcome).toBe(model.acknowledge(owner, known));
  }),
);

const observe = fc.constant(
  step('observe', async (model, real) => {
    const meta = await createSessionStore(real.redis).read(real.sessionId);
    real.observed = meta === null || model.state === null ? null : { meta, model: pickOwner(model.state) };
  }),
);

const claimBy = (worker: string, looksAgain: boolean): Step =>
  step(`claim(${worker}, ${looksAgain ? 'on the present' : 'on what was observed'})`, async (model, real) => {
    const store = createSessionStore(real.redis);
    const meta = looksAgain ? await store.read(real.sessionId) : (real.observed?.meta ?? null);
    const observed = looksAgain ? model.state && pickOwner(model.state) : real.observed?.model;
    if (meta === null || observed === null || observed === undefined) return;
    const owner = { workerId: WorkerId.parse(worker), incarnation: `${worker}-${real.owners.length}` };
    const freshEpoch = `e${real.owners.length + 1}`;
    const before = model.maxFence;
    const result = await store.claim({ observed: meta, ...owner, freshEpoch });
    const expected = model.claim({ observed, owner, freshEpoch });
    real.outcomes.add(`claim: ${result.status}`);
    expect(result).toMatchObject(expected);
    if (result.status !== 'claimed') return;
    expect(result.ownership.fence).toBeGreaterThan(before);
    model.claimedWith(result.ownership.fence);
    expect(result).toMatchObject({ head: model.state?.head, inboxAcked: model.state?.inboxAcked });
    expect(result.ownership.epoch).toBe(model.state?.epoch);
    real.owners.push(result.ownership);
  });
const claim = fc
  .tuple(fc.constantFrom('w1', 'w2'), fc.boolean())
  .map(([worker, looksAgain]) => claimBy(worker, looksAgain));

/** What goes with an append; numbers are turned into what makes sense at the time. */
const effects = fc.record(
  {
    history: fc.constant([0]),
    ack: fc.boolean(),
    status: fc.constantFrom('idle', 'running'),
    queue: fc.array(
      fc.tuple(fc.constantFrom('put', 'score', 'take', 'del'), fc.constantFrom('p1', 'p2'), fc.nat(5)),
    ),
    approvals: fc.array(fc.tuple(fc.constantFrom('open', 'close'), fc.constantFrom('a1', 'a2'))),
    snapshot: fc.boolean(),
    trim: fc.nat(4),
    trimHistory: fc.boolean(),
  },
  { requiredKeys: [] },
);
type EffectPlan = typeof effects extends fc.Arbitrary<infer T> ? T : never;

const append = fc
  .record({
    whose: fc.oneof({ weight: 4, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(9) }),
    /** Where it begins, seen from the place after the head: -1 and less repeat, 1 leaves a gap. */
    shift: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -3, max: 1 }) },
    ),
    count: fc.integer({ min: 1, max: 4 }),
    size: fc.constantFrom(0, 10, 2_000),
    plan: effects,
  })
  .map(({ whose, shift, count, size, plan }) =>
    step(
      `append(${JSON.stringify({ whose, shift, count, size, plan })})`,
      async (model, { redis, owners, outcomes }) => {
        const owner = whose === -1 ? owners.at(-1) : owners[whose % Math.max(1, owners.length)];
        if (owner === undefined) return;
        const first = Math.max(1, (model.state?.head ?? 0) + 1 + shift);
        const text = 'ü'.repeat(size);
        const frames = Array.from(
          { length: count },
          (_, index) => `{"offset":${first + index},"by":"${owner.fence}${text}"}`,
        );
        const planned = effectsOf(plan, model, first + count - 1);
        const outcome = await createEventLog(redis).append({
          ...{ owner, first, frames },
          effects: Object.keys(planned).length === 0 ? undefined : planned,
        });
        outcomes.add(`append: ${outcome.status}`);
        expect(outcome).toEqual(model.append(owner, first, { frames, effects: planned }));
      },
    ),
  );

function effectsOf(plan: EffectPlan, model: SessionModel, last: number): AppendEffects {
  const { state } = model;
  const oldest = state?.history[0];
  const trimsHistory = plan.trimHistory === true && oldest !== undefined && oldest.offset > 1;
  return {
    ...(plan.history === undefined ? {} : { history: plan.history }),
    ...(plan.ack === true ? { ackSeq: state?.inboxHead ?? 0 } : {}),
    ...(plan.status === undefined ? {} : { meta: { status: plan.status } }),
    ...(plan.queue === undefined ? {} : { queue: plan.queue.map(queueChange) }),
    ...(plan.approvals === undefined
      ? {}
      : {
          approvals: plan.approvals.map(([op, approvalId]) =>
            op === 'open'
              ? { op: 'open' as const, approvalId, json: '{}' }
              : { op: 'close' as const, approvalId },
          ),
        }),
    ...(plan.snapshot === true ? { snapshot: { offset: last, json: `{"offset":${last}}` } } : {}),
    ...(plan.trim === undefined ? {} : { trimBefore: Math.max(1, last - plan.trim) }),
    ...(trimsHistory
      ? { trimHistory: { before: oldest.offset + 1, bytes: Buffer.byteLength(oldest.frame) } }
      : {}),
  };
}

function queueChange([op, promptId, score]: readonly [string, string, number]): NonNullable<
  AppendEffects['queue']
>[number] {
  if (op === 'put') return { op, promptId, json: `{"n":${score}}`, score };
  if (op === 'score') return { op, promptId, score };
  return op === 'take' ? { op, promptId } : { op: 'del', promptId };
}

const resume = fc
  .record({
    user: fc.constantFrom(null, 'ann', 'bob'),
    epoch: fc.constantFrom('none', 'present', 'present', 'present', 'other'),
    back: fc.integer({ min: -1, max: 12 }),
    limit: fc.constantFrom(1, 3, 1_000),
    maxBytes: fc.constantFrom(1, 100, 1_000_000),
  })
  .map(({ user, epoch, back, limit, maxBytes }) =>
    step(
      `resume(${JSON.stringify({ user, epoch, back, limit, maxBytes })})`,
      async (model, { redis, sessionId, outcomes }) => {
        const offset = Math.max(0, (model.state?.head ?? 0) - back);
        const position =
          epoch === 'none'
            ? null
            : { epoch: epoch === 'present' ? (model.state?.epoch ?? 'e0') : 'x', offset };
        const userId = user === null ? null : UserId.parse(user);
        const outcome = await createEventLog(redis).resume({ sessionId, userId, position, limit, maxBytes });
        outcomes.add(`resume: ${outcome.status === 'reset' ? outcome.reason : outcome.status}`);
        expect(outcome).toEqual(model.resume({ user, position, limit, maxBytes }));
      },
    ),
  );

const release = fc.nat(9).map((whose) =>
  step(`release(${whose})`, async (model, { redis, owners, outcomes }) => {
    const owner = owners[whose % Math.max(1, owners.length)];
    if (owner === undefined) return;
    const outcome = await createSessionStore(redis).release(owner);
    outcomes.add(`release: ${outcome}`);
    expect(outcome).toBe(model.release(owner));
  }),
);

const remove = fc.nat(9).map((whose) =>
  step(`delete(${whose})`, async (model, { redis, owners, outcomes }) => {
    const owner = owners[whose % Math.max(1, owners.length)];
    if (owner === undefined) return;
    const outcome = await createSessionStore(redis).delete(owner, UserId.parse('ann'));
    outcomes.add(`delete: ${outcome}`);
    expect(outcome).toBe(model.delete(owner));
  }),
);

const save = fc.constant(
  step('replicate', async (model, real) => {
    model.save();
    real.saved = [];
    for (const key of storedKeysOf(real.sessionId)) {
      const dump = await real.redis.dumpBuffer(key);
      if (dump !== null) real.saved.push({ key, dump });
    }
  }),
);

const failOver = fc.constant(
  step(
    'fail over',
    async (model, real) => {
      model.restore();
      await real.redis.del(...storedKeysOf(real.sessionId));
      await real.redis.zrem(tombstonesKey(real.sessionId), real.sessionId);
      for (const { key, dump } of real.saved) await real.redis.restore(key, 0, dump);
      if (model.state?.server === 'another') await changeServer(real.redis, real.sessionId);
      real.failovers += 1;
      // Fences are milliseconds; claims made faster than that run ahead of the clock, a failover takes longer.
      await until(async () => timeOf(await real.redis.time()) > model.maxFence, { what: 'the clock' });
    },
    (model) => model.isSaved,
  ),
);

/** Where a session begins: it exists and has an owner. */
export const firstSteps: readonly Step[] = [createAs('ann'), claimBy('w1', true)];

/** A random history of one session: mostly work by its owner, sometimes others, sometimes a failover. */
export const sessionSteps = fc.commands(
  [
    create,
    submit,
    submit,
    acknowledge,
    observe,
    claim,
    claim,
    append,
    append,
    append,
    append,
    append,
    resume,
    resume,
    resume,
    release,
    remove,
    save,
    failOver,
  ],
  { size: '+1' },
);

function pickOwner(state: ModelState): Pick<ModelState, 'fence' | 'owner'> {
  return { fence: state.fence, owner: state.owner };
}

function timeOf([seconds, micros]: readonly (number | string)[]): number {
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
