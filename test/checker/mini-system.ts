// The log's whole way in one process on a real Redis: real writers, real hubs and followers, recorded at both ends.
// Any of its parts can be one without a guard. Interleavings are driven by the tests, step by step.
import { randomUUID } from 'node:crypto';
import { foldLog } from '../../apps/worker/src/claim/claimer.ts';
import { EventWriter } from '../../apps/worker/src/session/event-writer.ts';
import { DrainWatch } from '../../apps/gateway/src/feed/drain-watch.ts';
import { Follower } from '../../apps/gateway/src/feed/follower.ts';
import { Hubs } from '../../apps/gateway/src/feed/hubs.ts';
import { createRetry } from '../../apps/gateway/src/feed/retry.ts';
import { createSlots } from '../../apps/gateway/src/limits/slots.ts';
import {
  EMPTY_VIEW,
  EventsFrame,
  SessionView,
  UserId,
  WorkerId,
  type Position,
  type SessionId,
} from '@holdfast/shared/protocol';
import {
  createCommandRedis,
  createEventLog,
  createSessionStore,
  createSubscriber,
  createSubscriberRedis,
  sessionKeys,
  type Redis,
} from '@holdfast/shared/store';
import { changeServer, createStoredSession } from '../support/fake-owner.ts';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { checkHistory } from './check-history.ts';
import type { Verdict } from './findings.ts';
import { HeldSubscriber } from './held-subscriber.ts';
import type { HistoryRecord } from './history.ts';
import { ClientRecorder, recordAppends } from './recorders.ts';

export interface MiniParts {
  /** The commands of writers go over this connection; the system's own by default. */
  readonly mutateRedis?: (redis: Redis) => Promise<Redis>;
  readonly hubs?: typeof Hubs;
  readonly follower?: typeof Follower;
  readonly isAckAwaited?: boolean;
}

/** Long enough for anything that will come at all: an audit after a reconnect takes a few ms. */
const SETTLE_MS = 1_000;
const user = UserId.parse('local');

export class MiniSystem implements AsyncDisposable {
  readonly redis: Redis;
  readonly records: HistoryRecord[] = [];
  readonly subscriber: HeldSubscriber;
  /** Between the subscriber and Redis, and between the writers and Redis. */
  readonly livePath: TcpProxy;
  readonly appendPath: TcpProxy;
  readonly #server: TestRedis;
  readonly writerRedis: Redis;
  readonly #parts: MiniParts;
  readonly #hubs: Hubs;
  readonly #clients: MiniClient[] = [];

  private constructor(options: {
    server: TestRedis;
    livePath: TcpProxy;
    appendPath: TcpProxy;
    writerRedis: Redis;
    parts: MiniParts;
  }) {
    const { server, livePath, appendPath, writerRedis, parts } = options;
    this.#server = server;
    this.livePath = livePath;
    this.appendPath = appendPath;
    this.writerRedis = writerRedis;
    this.#parts = parts;
    this.redis = server.connect();
    const address = { ...server.address, url: `redis://127.0.0.1:${livePath.port}` };
    const live = createSubscriber(createSubscriberRedis(address, silentLogger, 'mini-live'), silentLogger);
    this.subscriber = new HeldSubscriber(live, parts.isAckAwaited ?? true);
    this.#hubs = new (parts.hubs ?? Hubs)({
      subscriber: this.subscriber,
      log: createEventLog(this.redis),
      retry: createRetry(silentLogger),
      logger: silentLogger,
      now: () => performance.now(),
    });
  }

  static async start(parts: MiniParts = {}): Promise<MiniSystem> {
    const server = await startRedis();
    const target = { path: server.address.url };
    const livePath = await startTcpProxy({ target, speaks: 'redis' });
    const appendPath = await startTcpProxy({ target, speaks: 'redis' });
    const address = { ...server.address, url: `redis://127.0.0.1:${appendPath.port}` };
    const plain = createCommandRedis(address, silentLogger, 'mini-writers');
    const writerRedis = parts.mutateRedis === undefined ? plain : await parts.mutateRedis(plain);
    return new MiniSystem({ server, livePath, appendPath, writerRedis, parts });
  }

  /** Creates a session; its first event counts as acknowledged. */
  async createSession(): Promise<SessionId> {
    const sessionId = await createStoredSession(this.redis);
    const [created] = await createEventLog(this.redis).readAfter({ sessionId, after: 0, limit: 1 });
    const meta = await createSessionStore(this.redis).read(sessionId);
    if (created === undefined || meta === null) throw new Error('the session was not created');
    const place = { session: sessionId, epoch: meta.epoch, fence: 0, first: 1 };
    this.records.push(
      { kind: 'attempt', ...place, frames: [created.frame] },
      { kind: 'ack', ...place, count: 1 },
    );
    return sessionId;
  }

  /** Where the server itself can be reached. */
  get socketPath(): string {
    return this.#server.address.url;
  }

  /** A new owner, whether or not the last one is dead, with its first append. */
  async claim(sessionId: SessionId): Promise<MiniWriter> {
    const store = createSessionStore(this.writerRedis);
    const observed = await store.read(sessionId);
    if (observed === null) throw new Error('there is no such session');
    const workerId = WorkerId.parse(`w-${randomUUID().slice(0, 8)}`);
    const claim = await store.claim({
      ...{ observed, workerId },
      incarnation: randomUUID(),
      freshEpoch: randomUUID().slice(0, 8),
    });
    if (claim.status !== 'claimed') throw new Error(`the claim was ${claim.status}`);
    const log = createEventLog(this.writerRedis);
    const view = await foldLog(log, sessionId, claim.head);
    let lost: string | null = null;
    const writer = new EventWriter({
      log: recordAppends(log, (record) => this.records.push(record)),
      logger: silentLogger,
      owner: claim.ownership,
      view,
      now: Date.now,
      onLost: (reason) => (lost = reason),
      onPressure: () => undefined,
    });
    writer.push([{ type: 'owner_changed', workerId, fence: claim.ownership.fence }]);
    await writer.flushed();
    return { writer, owner: claim.ownership, lostBy: () => lost };
  }

  /** A client of the gateway; not attached yet. */
  client(name: string, sessionId: SessionId): MiniClient {
    const client = new MiniClient({
      recorder: new ClientRecorder((record) => this.records.push(record), {
        client: name,
        session: sessionId,
      }),
      follow: (position, sink) => {
        const deps = {
          hubs: this.#hubs,
          log: createEventLog(this.redis),
          replaySlots: createSlots(8),
          drains: new DrainWatch(),
          retry: createRetry(silentLogger),
          now: () => performance.now(),
        };
        return new (this.#parts.follower ?? Follower)(deps, { sessionId, position, sink });
      },
    });
    this.#clients.push(client);
    return client;
  }

  /** Redis loses the end of a log, as after a host's power loss: everything after `head`. */
  async loseTail(sessionId: SessionId, head: number): Promise<void> {
    const keys = sessionKeys(sessionId);
    const lost = await this.redis.xrange(keys.events, `(${head}-18446744073709551615`, '+');
    for (const [id] of lost) await this.redis.xdel(keys.events, id);
    // A stream remembers its last id: the server that lost the tail never had it.
    await this.redis.xsetid(keys.events, `${head}-${Number.MAX_SAFE_INTEGER}`);
    await this.redis.hset(keys.meta, 'head', head);
    await changeServer(this.redis, sessionId);
  }

  /** Waits until every client has everything, or long enough that it would have had it; then checks the records. */
  async verdict(sessionId: SessionId): Promise<Verdict> {
    const log = createEventLog(this.redis);
    const [head] = await log.heads([sessionId]);
    if (head === null || head === undefined) throw new Error('the session is gone');
    const isThere = (): boolean =>
      this.#clients.every(({ position }) => position?.epoch === head.epoch && position.offset === head.head);
    await until(isThere, { what: 'all clients', limitMs: SETTLE_MS }).catch(() => undefined);
    for (const client of this.#clients) client.end();
    const stored = await log.readAfter({ sessionId, after: 0, limit: 100_000 });
    this.records.push(
      { kind: 'head', session: sessionId, epoch: head.epoch, head: head.head },
      ...stored.map(({ offset, frame }) => ({ kind: 'stored' as const, session: sessionId, offset, frame })),
    );
    return checkHistory(this.records);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.leave();
    this.#hubs.close();
    this.subscriber.close();
    this.writerRedis.disconnect();
    await this.livePath[Symbol.asyncDispose]();
    await this.appendPath[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

export interface MiniWriter {
  readonly writer: EventWriter;
  readonly owner: EventWriterOwner;
  /** Why it lost the session; null while it owns it. */
  readonly lostBy: () => string | null;
}
type EventWriterOwner = ConstructorParameters<typeof EventWriter>[0]['owner'];
type Sink = ConstructorParameters<typeof Follower>[1]['sink'];

/** Takes what the gateway sends for one attachment; keeps its place over several. */
export class MiniClient {
  readonly recorder: ClientRecorder;
  readonly #follow: (position: Position | null, sink: Sink) => Follower;
  #follower: Follower | undefined;
  #isOver = false;

  constructor(options: {
    recorder: ClientRecorder;
    follow: (position: Position | null, sink: Sink) => Follower;
  }) {
    this.recorder = options.recorder;
    this.#follow = options.follow;
  }

  get position(): Position | null {
    return this.recorder.position;
  }

  /** Attaches from where it was. Resolves when the first page is there. */
  async attach(): Promise<void> {
    this.#follower = this.#follow(this.position, this.#sink());
    await this.#follower.start(user, () => undefined);
  }

  leave(): void {
    this.#follower?.close();
    this.#follower = undefined;
  }

  end(): void {
    if (!this.#isOver) this.recorder.end();
    this.#isOver = true;
  }

  #sink(): Sink {
    return {
      bufferedBytes: () => 0,
      sendEvents: (batch) => {
        const { epoch, events } = EventsFrame.parse(JSON.parse(Buffer.concat(batch.payload()).toString()));
        for (const event of events) {
          const position = { epoch, offset: event.upTo ?? event.offset };
          this.recorder.take({ kind: 'event', event, position, live: true });
        }
      },
      sendReset: ({ reason, position, snapshotJson }) => {
        const snapshot = snapshotJson === null ? EMPTY_VIEW : SessionView.parse(JSON.parse(snapshotJson));
        this.recorder.take({ kind: 'reset', reason, position, snapshot });
      },
      sendCaughtUp: (position) => this.recorder.take({ kind: 'caught_up', position }),
      onGone: () => undefined,
      onHopeless: () => undefined,
    };
  }
}
