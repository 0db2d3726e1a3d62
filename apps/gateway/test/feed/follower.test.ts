// Followers over a pub/sub that loses, repeats and delays messages, and a log that is trimmed and changes its
// epoch: whatever happens, what a client got is without a hole or a repeat, or a reset said so.
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { SessionId, UserId, type Position, type ResetReason } from '@holdfast/shared/protocol';
import { createLogger } from '@holdfast/shared/runtime';
import {
  sessionKeys,
  type EventLog,
  type MessageHandler,
  type ResumeResult,
  type Subscriber,
} from '@holdfast/shared/store';
import { DrainWatch } from '../../src/feed/drain-watch.ts';
import type { EventBatch } from '../../src/feed/event-batch.ts';
import { Follower, type FollowerDeps, type FollowerSink } from '../../src/feed/follower.ts';
import { Hubs } from '../../src/feed/hubs.ts';
import type { ResetMessage } from '../../src/feed/reset-frame.ts';
import { createSlots } from '../../src/limits/slots.ts';

const sessionId = SessionId.parse('s00-01JD0000000000000000000000');
const userId = UserId.parse('local');
const logger = createLogger({ part: 'test', level: 'silent' });
const status = 'idle' as const;

/** A session's log and its channel in memory. Replies and messages take a few turns of the event loop, each in order. */
class Session {
  epoch = 'e0';
  head = 0;
  first = 1;
  readonly handlers = new Map<string, MessageHandler>();
  readonly gaps: (() => void)[] = [];
  readonly #slowness: () => number;
  #published: Promise<void> = Promise.resolve();
  #failing = 0;

  constructor(slowness: readonly number[]) {
    let index = 0;
    this.#slowness = () => slowness[index++ % slowness.length] ?? 0;
  }

  frame(offset: number): string {
    return `{"offset":${offset},"epoch":"${this.epoch}"}`;
  }

  append(count: number, isPublished: boolean): void {
    const first = this.head + 1;
    this.head += count;
    if (isPublished) this.publish(first, count);
  }

  publish(first: number, count: number): void {
    const frames = Array.from({ length: count }, (_, index) => this.frame(first + index));
    this.#send(`1|${this.epoch}|1|${first}|${count}\n[${frames.join(',')}]`);
  }

  failNext(calls: number): void {
    this.#failing = calls;
  }

  #send(body: string): void {
    const turns = this.#slowness();
    this.#published = this.#published.then(async () => {
      for (let left = turns; left > 0; left -= 1) await turn();
      this.handlers.get(sessionKeys(sessionId).live)?.(Buffer.from(body));
    });
  }

  async #reply<T>(read: () => T): Promise<T> {
    for (let left = this.#slowness(); left > 0; left -= 1) await turn();
    if (this.#failing > 0) {
      this.#failing -= 1;
      throw new Error('the connection was lost');
    }
    const value = read();
    for (let left = this.#slowness(); left > 0; left -= 1) await turn();
    return value;
  }

  get log(): EventLog {
    const page = (after: number, limit: number): { offset: number; frame: string }[] => {
      const start = Math.max(after + 1, this.first);
      const count = Math.max(0, Math.min(limit, this.head - start + 1));
      return Array.from({ length: count }, (_, index) => ({
        offset: start + index,
        frame: this.frame(start + index),
      }));
    };
    const unused = async (): Promise<never> => Promise.reject(new Error('not used here'));
    return {
      append: unused,
      readHistory: unused,
      readOldestHistory: unused,
      readAfter: unused,
      heads: async () => this.#reply(() => [{ epoch: this.epoch, head: this.head, sessionStatus: status }]),
      resume: async ({ position, limit }) =>
        this.#reply((): ResumeResult => {
          const { epoch, head } = this;
          const reason = this.#resetReason(position);
          const frames = (after: number): string[] => page(after, limit).map((entry) => entry.frame);
          if (reason === null && position !== null) {
            return {
              status: 'continue',
              epoch,
              head,
              sessionStatus: status,
              frames: frames(position.offset),
            };
          }
          const snapshotOffset = this.first - 1;
          const rest = { snapshotOffset, snapshot: null, frames: frames(snapshotOffset) };
          return { status: 'reset', reason: reason ?? 'new', epoch, head, sessionStatus: status, ...rest };
        }),
    };
  }

  #resetReason(position: Position | null): ResetReason | null {
    if (position === null) return 'new';
    if (position.epoch !== this.epoch) return 'epoch';
    if (position.offset > this.head) return 'ahead';
    return position.offset + 1 < this.first && position.offset < this.head ? 'trimmed' : null;
  }

  get subscriber(): Subscriber {
    return {
      subscribe: async (channel, handler) => {
        for (let left = this.#slowness(); left > 0; left -= 1) await turn();
        this.handlers.set(channel, handler);
      },
      unsubscribe: async (channel) => void this.handlers.delete(channel),
      onGap: (listener) => void this.gaps.push(listener),
      isHealthy: () => true,
      close: () => undefined,
    };
  }
}

/** What one client got, checked as it comes. */
class Client implements FollowerSink {
  buffered = 0;
  caughtUps = 0;
  resets: ResetReason[] = [];
  position: Position | null;

  constructor(position: Position | null) {
    this.position = position;
  }

  bufferedBytes(): number {
    return this.buffered;
  }

  sendEvents(batch: EventBatch): void {
    const frame = JSON.parse(Buffer.concat(batch.payload()).toString()) as {
      epoch: string;
      events: { offset: number; epoch: string }[];
    }; // built by us
    for (const event of frame.events) {
      expect(event).toEqual({ epoch: this.position?.epoch, offset: (this.position?.offset ?? -1) + 1 });
      this.position = event;
    }
  }

  sendReset(reset: ResetMessage): void {
    this.resets.push(reset.reason);
    this.position = reset.position;
  }

  sendCaughtUp(position: Position): void {
    expect(position).toMatchObject({ epoch: this.position?.epoch, offset: this.position?.offset });
    this.caughtUps += 1;
  }

  onGone(): void {
    throw new Error('the session was not deleted');
  }

  onHopeless(): void {
    throw new Error('nothing was slow for long');
  }
}

function world(slowness: readonly number[]): { session: Session; deps: FollowerDeps } {
  const session = new Session(slowness);
  const { log, subscriber } = session;
  const now = (): number => performance.now();
  const retry: FollowerDeps['retry'] = async (work, isWanted) => {
    while (isWanted()) {
      try {
        return await work();
      } catch {
        await turn();
      }
    }
    return undefined;
  };
  const hubs = new Hubs({ subscriber, log, retry, logger, now });
  return { session, deps: { hubs, log, retry, now, replaySlots: createSlots(4), drains: new DrainWatch() } };
}

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant('append' as const), count: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('lose' as const), count: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('append' as const), count: fc.integer({ min: 200, max: 450 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('repeat' as const), count: fc.integer({ min: 1, max: 20 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('trim' as const), count: fc.integer({ min: 0, max: 9 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('epoch' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('loseEpoch' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('attach' as const), count: fc.integer({ min: -1, max: 30 }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('detach' as const), count: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('fill' as const), count: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('drain' as const), count: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('fail' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant('wait' as const), count: fc.integer({ min: 1, max: 12 }) }),
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface Attached {
  readonly client: Client;
  readonly follower: Follower;
}

async function run(
  { session, deps }: ReturnType<typeof world>,
  operations: readonly Operation[],
): Promise<Attached[]> {
  const attached: Attached[] = [];
  const pick = (index: number): Attached | undefined => attached[index % Math.max(1, attached.length)];
  let epochs = 0;
  for (const { op, count } of operations) {
    if (op === 'append' || op === 'lose') session.append(count, op === 'append');
    else if (op === 'repeat')
      session.publish(Math.max(1, session.head - count), Math.min(count, session.head));
    else if (op === 'trim') session.first = Math.max(session.first, session.head - count + 1);
    else if (op === 'fail') session.failNext(count);
    else if (op === 'epoch' || op === 'loseEpoch') {
      session.epoch = `e${++epochs}`;
      // With the epoch the log may have lost its last events: what comes now takes their offsets.
      session.head = Math.max(session.first, session.head - count * 2);
      session.append(count, op === 'epoch');
    } else if (op === 'attach') {
      const position = count < 0 ? null : { epoch: session.epoch, offset: Math.max(0, session.head - count) };
      const client = new Client(position);
      const follower = new Follower(deps, { sessionId, position, sink: client });
      const one = { client, follower };
      attached.push(one);
      // Detached before it was answered, or the first read failed: the client is told, and is not attached.
      follower.start(userId, () => undefined).catch(() => remove(attached, one));
    } else if (op === 'detach') {
      const one = pick(count);
      one?.follower.close();
      if (one !== undefined) remove(attached, one);
    } else if (op === 'fill' || op === 'drain') {
      const one = pick(count);
      if (one !== undefined) one.client.buffered = op === 'fill' ? 1e6 : 0;
    } else for (let left = count; left > 0; left -= 1) await turn();
  }
  return attached;
}

function remove(attached: Attached[], one: Attached): void {
  const index = attached.indexOf(one);
  if (index !== -1) attached.splice(index, 1);
}

/** Lets everything come to rest: all drain, and with `audits` what pub/sub lost is found. */
async function settle(session: Session, attached: readonly Attached[], audits: boolean): Promise<void> {
  for (const { client } of attached) client.buffered = 0;
  const deadline = performance.now() + 2_000;
  const isDone = (): boolean =>
    attached.every(
      ({ client, follower }) =>
        follower.state === 'live' &&
        client.position?.offset === session.head &&
        client.position.epoch === session.epoch &&
        client.caughtUps >= 1,
    );
  while (!isDone() && performance.now() < deadline) {
    if (audits) for (const gap of session.gaps) gap();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(
    attached.map(({ client, follower }) => ({ state: follower.state, at: client.position?.offset })),
  ).toEqual(attached.map(() => ({ state: 'live', at: session.head })));
}

describe('followers', () => {
  const isLoss = ({ op }: Operation): boolean => op === 'lose' || op === 'loseEpoch';

  it.each([
    { pubsub: 'loses messages', loses: true, runs: 300 },
    { pubsub: 'is faithful, without any audit', loses: false, runs: 200 },
  ])(
    'have every event once, in order, or a reset first, where pub/sub $pubsub [D-02] [D-03] [D-04]',
    async ({ loses, runs }) => {
      const checked = fc.asyncProperty(
        fc.array(operation, { minLength: 5, maxLength: 60 }),
        fc.array(fc.nat(4), { minLength: 1, maxLength: 40 }),
        async (operations, slowness) => {
          const { session, deps } = world(slowness);
          session.append(3, false);
          const attached = await run(
            { session, deps },
            operations.filter((one) => loses || !isLoss(one)),
          );
          await settle(session, attached, loses);
          for (const { client, follower } of attached) {
            expect(client.caughtUps).toBeLessThanOrEqual(1 + client.resets.length);
            follower.close();
          }
          await vi.waitFor(() => expect(deps.hubs.size).toBe(0));
          deps.hubs.close();
        },
      );
      await fc.assert(checked, { numRuns: runs });
    },
    60_000,
  );

  it('of one session read a hole together, once', async () => {
    const { session, deps } = world([1]);
    session.append(3, false);
    const operations: Operation[] = Array.from({ length: 20 }, () => ({ op: 'attach', count: 0 }));
    const attached = await run({ session, deps }, [...operations, { op: 'wait', count: 12 }]);
    let reads = 0;
    const { resume } = deps.log;
    Object.assign(deps.log, {
      resume: async (input: Parameters<typeof resume>[0]) => {
        reads += 1;
        return resume(input);
      },
    });
    await run({ session, deps }, [
      { op: 'lose', count: 3 },
      { op: 'append', count: 2 },
      { op: 'wait', count: 12 },
    ]);
    expect(attached.map(({ client }) => client.position?.offset)).toEqual(attached.map(() => 8));
    expect(reads).toBe(1);
    for (const { follower } of attached) follower.close();
    deps.hubs.close();
  });
});
