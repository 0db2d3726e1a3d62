// Random interleavings of everything that can happen to approvals: asked, decided from several sides, expired,
// withdrawn, the child lost, the session taken over while the old owner goes on. Real Redis, real scripts, the real
// broker and writer; only the CLI is a list of answers. What must hold at the end is checked here.
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { UserId, type Decision, type SessionEvent, type SessionId } from '@holdfast/shared/protocol';
import {
  createApprovalStore,
  createCommandInbox,
  createUserRules,
  sessionKeys,
  type DecideResult,
  type Redis,
} from '@holdfast/shared/store';
import { ApprovalBroker } from '../../apps/worker/src/approvals/approval-broker.ts';
import type { Answer } from '../../apps/worker/src/approvals/ask.ts';
import { createStoredSession, ownSession } from '../support/fake-owner.ts';
import { silentLogger } from '../support/redis.ts';
import { writeAs } from './event-writing.ts';

const USER = UserId.parse('local');

/** What different people (or devices) say; `d0` twice, so that some agree. */
const DECISIONS: readonly Decision[] = [
  { kind: 'deny', message: 'd0', stop: false },
  { kind: 'deny', message: 'd1', stop: false },
  { kind: 'allow', scope: 'once' },
  { kind: 'deny', message: 'd0', stop: false },
];

export type Happening =
  | { readonly what: 'ask' }
  | { readonly what: 'decide'; readonly which: number; readonly how: number; readonly gateway: number }
  | { readonly what: 'read' | 'expire' | 'withdraw'; readonly which: number }
  | { readonly what: 'childGone' | 'takeover' };

/** Each with whether the next one waits for it. */
export const happenings = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ what: fc.constant('ask' as const) }) },
      {
        weight: 6,
        arbitrary: fc.record({
          what: fc.constant('decide' as const),
          which: fc.nat(3),
          how: fc.nat(DECISIONS.length - 1),
          gateway: fc.nat(1),
        }),
      },
      {
        weight: 5,
        arbitrary: fc.record({
          what: fc.constantFrom('read' as const, 'read' as const, 'expire' as const, 'withdraw' as const),
          which: fc.nat(3),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ what: fc.constantFrom('childGone' as const, 'takeover' as const) }),
      },
    ),
    fc.boolean(),
  ),
  { minLength: 4, maxLength: 16 },
);

/** One owner with its child: reads the inbox as a runner does, and answers into a list. */
class Owner {
  readonly broker: ApprovalBroker;
  readonly answers: [askId: string, Answer][] = [];
  readonly expiries: (() => void)[] = [];
  readonly #redis: Redis;
  readonly #sessionId: SessionId;
  readonly #ownership: Awaited<ReturnType<typeof ownSession>>['ownership'];
  readonly writer: Awaited<ReturnType<typeof writeAs>>['writer'];
  #asks = 0;
  #readSeq = 0;
  #reading: Promise<void> = Promise.resolve();

  constructor(
    redis: Redis,
    owner: Awaited<ReturnType<typeof ownSession>>,
    writing: Awaited<ReturnType<typeof writeAs>>,
  ) {
    this.#redis = redis;
    this.#sessionId = owner.sessionId;
    this.#ownership = owner.ownership;
    this.writer = writing.writer;
    this.broker = new ApprovalBroker({
      ...{ writer: writing.writer, store: createApprovalStore(redis), userRules: createUserRules(redis) },
      ...{ owner: owner.ownership, userId: USER, cwd: '/w', turnId: () => null, now: Date.now },
      transport: { answer: (askId, answer) => void this.answers.push([askId, answer]) },
      after: (_ms, work) => {
        this.expiries.push(work);
        return () => {};
      },
      logger: silentLogger,
    });
  }

  static async claim(redis: Redis, sessionId: SessionId): Promise<Owner> {
    const owner = await ownSession(redis, sessionId);
    const writing = await writeAs(redis, owner);
    const made = new Owner(redis, owner, writing);
    const ids = await createApprovalStore(redis).ids(sessionId);
    const inherited = ApprovalBroker.inherited(writing.writer.view, ids);
    const { fence } = owner.ownership;
    const changed = { type: 'owner_changed' as const, workerId: null, fence };
    writing.writer.push([changed, ...inherited.events], inherited.effects);
    return made;
  }

  ask(): void {
    this.#asks += 1;
    const askId = `${this.#ownership.fence}-${this.#asks}`;
    const about = { toolCallId: askId, agentId: undefined, proposed: [], reason: undefined };
    this.broker.ask({ askId, tool: 'Bash', input: { command: `touch ${askId}` }, ...about });
  }

  /** Commands in order, one reader at a time. */
  async read(): Promise<void> {
    this.#reading = this.#reading.then(async () => {
      const inbox = createCommandInbox(this.#redis);
      for (const { seq, command } of await inbox.readAfter(this.#sessionId, this.#readSeq)) {
        this.#readSeq = seq;
        if (command?.type !== 'decide') continue;
        const isAppended = await this.broker.decide(command, { ackSeq: seq });
        if (!isAppended) await inbox.acknowledge(this.#ownership, seq);
      }
    });
    return this.#reading;
  }

  withdraw(which: number): void {
    this.broker.withdrawn(`${this.#ownership.fence}-${which + 1}`);
  }
}

interface Decided {
  readonly approvalId: string;
  readonly decision: Decision;
  readonly result: DecideResult;
}

/** Lets everything happen, then checks that there is one outcome for each approval, the same everywhere. */
export async function checkInterleaving(
  redises: readonly [Redis, Redis],
  steps: readonly (readonly [Happening, boolean])[],
): Promise<{ readonly outcomes: string[]; readonly results: string[] }> {
  const [redis] = redises;
  const sessionId = await createStoredSession(redis);
  // Every approval has a time after which it may expire; the steps say when that is.
  const owners = [await Owner.claim(redis, sessionId)];
  owners[0]?.writer.push([
    {
      ...{ type: 'settings_changed', title: null, by: USER },
      settings: {
        permissionMode: 'default',
        allowedTools: [],
        disallowedTools: [],
        approvalExpirySeconds: 600,
      },
    },
  ]);
  await owners[0]?.writer.flushed();
  const decided: Decided[] = [];
  const underWay: Promise<unknown>[] = [];
  const world = { redises, sessionId, owners, decided, claiming: Promise.resolve() };
  for (const [step, isAwaited] of steps) {
    const done = happen(step, world);
    underWay.push(done);
    if (isAwaited) await done;
  }
  await Promise.all(underWay);
  const last = owners.at(-1);
  await last?.read();
  last?.broker.childGone('lost');
  for (const { writer } of owners) await writer.flushed();
  const log = await eventsOf(redis, sessionId);
  expect(await redis.exists(sessionKeys(sessionId).approvals), 'nothing is left in the hash').toBe(0);
  return {
    outcomes: checkOutcomes(log, decided, owners),
    results: decided.map(({ result }) => result.status),
  };
}

async function happen(
  step: Happening,
  world: {
    readonly redises: readonly [Redis, Redis];
    readonly sessionId: SessionId;
    readonly owners: Owner[];
    readonly decided: Decided[];
    claiming: Promise<void>;
  },
): Promise<void> {
  const { redises, sessionId, owners, decided } = world;
  const owner = owners.at(-1);
  if (owner === undefined) return;
  switch (step.what) {
    case 'ask':
      owner.ask();
      return;
    case 'decide': {
      const ids = (await eventsOf(redises[0], sessionId)).flatMap((event) =>
        event.type === 'approval_requested' ? [event.approvalId] : [],
      );
      const approvalId = ids.at(-1 - (step.which % Math.max(1, ids.length)));
      const decision = DECISIONS[step.how];
      if (approvalId === undefined || decision === undefined) return;
      const store = createApprovalStore(redises[step.gateway] ?? redises[0]);
      const result = await store.decide({ sessionId, userId: USER, approvalId, decision });
      decided.push({ approvalId, decision, result });
      return;
    }
    case 'read':
      // Now and then the one that was replaced.
      await (owners.at(step.which === 0 ? 0 : -1) ?? owner).read();
      return;
    case 'expire':
      owner.expiries.at(-1 - step.which)?.();
      return;
    case 'withdraw':
      owner.withdraw(step.which);
      return;
    case 'childGone':
      owner.broker.childGone('lost');
      return;
    case 'takeover':
      // One claim at a time: of two at once only one gets through.
      world.claiming = world.claiming.then(async () => {
        owners.push(await Owner.claim(redises[0], sessionId));
      });
      await world.claiming;
      return;
  }
}

function checkOutcomes(
  log: readonly SessionEvent[],
  decided: readonly Decided[],
  owners: readonly Owner[],
): string[] {
  const requests = log.filter((event) => event.type === 'approval_requested');
  const all = log.filter((event) => event.type === 'approval_resolved');
  expect(all).toHaveLength(requests.length);
  return requests.map((request) => {
    const { approvalId, toolCallId } = request;
    const [resolved, ...others] = all.filter((event) => event.approvalId === approvalId);
    const told = decided.filter((entry) => entry.approvalId === approvalId);
    const [accepted, ...more] = told.filter(({ result }) => result.status === 'accepted');
    const answers = owners.flatMap((owner) => owner.answers.filter(([askId]) => askId === toolCallId));
    expect([others, more], 'one outcome, one decision that counts').toEqual([[], []]);
    expect(answers.length, 'the agent is answered once at most').toBeLessThanOrEqual(1);
    if (resolved === undefined) throw new Error('an approval has no outcome');
    const isDecided = resolved.outcome === 'allowed' || resolved.outcome === 'denied';
    if (isDecided) {
      expect(resolved.message ?? 'allow').toBe(textOf(accepted?.decision));
      expect(resolved.by).toBe(USER);
    }
    if (resolved.outcome === 'expired') expect(accepted).toBeUndefined();
    const [answer] = answers;
    if (answer !== undefined) {
      expect(answer[1].behavior === 'allow', 'the tool runs only when the log says so').toBe(
        resolved.outcome === 'allowed',
      );
      expect(['allowed', 'denied', 'expired']).toContain(resolved.outcome);
    }
    for (const { result, decision } of told) {
      if (result.status === 'decided') expect(accepted?.decision).toEqual(JSON.parse(result.answer));
      if (result.status === 'duplicate') expect(accepted?.decision).toEqual(decision);
    }
    return resolved.outcome;
  });
}

function textOf(decision: Decision | undefined): string | undefined {
  return decision?.kind === 'deny' ? decision.message : decision?.kind;
}

async function eventsOf(redis: Redis, sessionId: SessionId): Promise<SessionEvent[]> {
  const entries = await redis.xrange(sessionKeys(sessionId).events, '-', '+');
  return entries.map(([, fields]) => JSON.parse(fields[1] ?? '') as SessionEvent); // written by us just now
}
