// The log's way through real gateway processes to real clients, with the writer in the test's own process, so that
// a test knows which events were acknowledged. Everything is recorded, and the history checker has the last word.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, type Diagnostic, type From, type ItemStream } from '@holdfast/client';
import { WorkerId, type Position, type SessionId } from '@holdfast/shared/protocol';
import {
  createCommandRedis,
  createEventLog,
  createSessionStore,
  createWorkerRegistry,
  type Ownership,
  type Redis,
  type RedisAddress,
} from '@holdfast/shared/store';
import { foldLog } from '../../../apps/worker/src/claim/claimer.ts';
import { EventWriter } from '../../../apps/worker/src/session/event-writer.ts';
import { seededRandom } from '../../chaos/random.ts';
import { syntheticTurn } from '../../chaos/synthetic-turn.ts';
import { checkHistory } from '../../checker/check-history.ts';
import type { Verdict } from '../../checker/findings.ts';
import type { HistoryRecord } from '../../checker/history.ts';
import { ClientRecorder, recordAppends } from '../../checker/recorders.ts';
import { createStoredSession } from '../../support/fake-owner.ts';
import { TEST_TOKEN } from '../../support/processes.ts';
import { silentLogger } from '../../support/redis.ts';
import { until } from '../../support/until.ts';

/** Longer than any client or gateway waits before it tries again. */
const REST_MS = 30_000;
const LEASE_MS = 600_000;
/** Between two steps of a turn: a few hundred events per second. */
const STEP_MS = 2;

export class LogRig implements AsyncDisposable {
  readonly records: HistoryRecord[] = [];
  /** A connection of the rig's own, past all proxies; to another server after a failover. */
  redis: Redis;
  readonly #writerRedis: Redis;
  readonly #readers: RigClient[] = [];

  /** Writers use `writerAddress`: a proxy's, where that matters. */
  constructor(redis: Redis, writerAddress: RedisAddress) {
    this.redis = redis;
    this.#writerRedis = createCommandRedis(writerAddress, silentLogger, 'rig-writers');
  }

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

  /** Claims the session for a new living worker, on the server that the writers' connection leads to. */
  async claim(sessionId: SessionId): Promise<RigWriter> {
    const answers = async (): Promise<boolean> => (await this.#writerRedis.ping().catch(() => '')) === 'PONG';
    await until(answers, { what: 'the way to redis' });
    const store = createSessionStore(this.#writerRedis);
    const identity = {
      workerId: WorkerId.parse(`rig-${randomUUID().slice(0, 8)}`),
      incarnation: randomUUID(),
    };
    const info = { version: '0', hostname: 'test', pid: 1, children: 0, capacity: 1, draining: false };
    await createWorkerRegistry(this.#writerRedis).heartbeat(identity, LEASE_MS, info);
    const observed = await store.read(sessionId);
    if (observed === null) throw new Error('there is no such session');
    const freshEpoch = randomUUID().slice(0, 8);
    const claim = await store.claim({ observed, ...identity, freshEpoch });
    if (claim.status !== 'claimed') throw new Error(`the claim was ${claim.status}`);
    const log = createEventLog(this.#writerRedis);
    const view = await foldLog(log, sessionId, claim.head);
    const writer = new RigWriter((onLost) => {
      return new EventWriter({
        log: recordAppends(log, (record) => this.records.push(record)),
        logger: silentLogger,
        owner: claim.ownership,
        ...{ view, now: Date.now, onLost },
        onPressure: (isPaused) => (writer.isPaused = isPaused),
      });
    }, claim.ownership);
    writer.events.push([
      { type: 'owner_changed', workerId: identity.workerId, fence: claim.ownership.fence },
      ...(view.turn === null
        ? []
        : [
            {
              type: 'turn_interrupted' as const,
              ...{ turnId: view.turn.turnId, delivered: true, reason: 'The worker that ran it was lost.' },
            },
          ]),
    ]);
    await writer.events.flushed();
    return writer;
  }

  /** A real client that follows the session from its first event, or from a saved position. */
  follow(sessionId: SessionId, options: { url: string; name?: string; from?: From }): RigClient {
    const { url, name = `client-${this.#readers.length + 1}`, from = 'start' } = options;
    const recorder = new ClientRecorder((record) => this.records.push(record), {
      client: name,
      session: sessionId,
    });
    const reader = new RigClient({ url, sessionId, from, recorder });
    this.#readers.push(reader);
    return reader;
  }

  /** Waits until every client that still follows this session has all of it, then checks everything recorded. */
  async verdict(sessionId: SessionId): Promise<Verdict> {
    const log = createEventLog(this.redis);
    const readers = this.#readers.filter((reader) => reader.sessionId === sessionId && !reader.isOver);
    const isAtRest = async (): Promise<boolean> => {
      const [head] = await log.heads([sessionId]);
      return readers.every(
        ({ position }) => position?.epoch === head?.epoch && position?.offset === head?.head,
      );
    };
    // What does not come in time is for the checker to name.
    await until(isAtRest, { what: 'all clients', limitMs: REST_MS }).catch(() => undefined);
    const [head] = await log.heads([sessionId]);
    if (head === null || head === undefined) throw new Error('the session is gone');
    for (const reader of readers) reader.end();
    const stored = await log.readAfter({ sessionId, after: 0, limit: 100_000 });
    const kept = await log.readHistory({ sessionId, before: null, limit: 100_000 });
    this.records.push({ kind: 'head', session: sessionId, epoch: head.epoch, head: head.head });
    for (const { offset, frame } of [...stored, ...kept]) {
      this.records.push({ kind: 'stored', session: sessionId, offset, frame });
    }
    return checkHistory(this.records.filter((record) => record.session === sessionId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#readers) reader.leave();
    this.#writerRedis.disconnect();
  }
}

/** An owner's writer, with the work to give it. */
export class RigWriter {
  readonly events: EventWriter;
  readonly owner: Ownership;
  /** Whether the source of events is asked to wait. */
  isPaused = false;
  lostBy: string | null = null;
  readonly #random = seededRandom(1);

  constructor(make: (onLost: (reason: string) => void) => EventWriter, owner: Ownership) {
    this.events = make((reason) => (this.lostBy = reason));
    this.owner = owner;
  }

  /** Appends whole turns, one step after the other, each acknowledged before the next. */
  async turns(count: number, steps = 30): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) {
      for (const bodies of syntheticTurn(this.#random, { steps })) {
        this.events.push(bodies);
        await this.events.flushed();
      }
    }
  }

  /**
   * Appends turns until told to stop, then ends the one under way. Not faster than a CLI: the log keeps what was
   * written in the last few seconds.
   */
  async turnsUntil(signal: AbortSignal, reader?: RigClient): Promise<void> {
    const isTooFar = (): boolean =>
      this.events.view.offset - (reader?.position?.offset ?? Number.POSITIVE_INFINITY) > MAX_AHEAD;
    while (!signal.aborted && this.lostBy === null) {
      for (const bodies of syntheticTurn(this.#random, { steps: 30 })) {
        while (isTooFar() && !signal.aborted) await pause(STEP_MS);
        this.events.push(bodies);
        await this.events.flushed();
        await pause(STEP_MS);
      }
    }
  }
}

/** A reader that is left behind by less than this always finds its place in the log: it is trimmed at 2,000 events. */
const MAX_AHEAD = 800;

/** A client of the product with one reader. */
export class RigClient {
  readonly sessionId: SessionId;
  readonly recorder: ClientRecorder;
  readonly client: Client;
  readonly diagnostics: Diagnostic[] = [];
  isOver = false;
  /** When the last item came, by the monotonic clock. */
  heardAtMs = 0;
  readonly #items: ItemStream;

  constructor(options: { url: string; sessionId: SessionId; from: From; recorder: ClientRecorder }) {
    const { url, sessionId, from, recorder } = options;
    this.sessionId = sessionId;
    this.recorder = recorder;
    this.client = new Client({
      url,
      token: TEST_TOKEN,
      onDiagnostic: (diagnostic) => this.diagnostics.push(diagnostic),
    });
    if (typeof from !== 'string') recorder.resume(from);
    this.#items = this.client.session(sessionId).events({ from });
    void this.#read();
  }

  get position(): Position | null {
    return this.recorder.position;
  }

  async hasReached(offset: number, limitMs?: number): Promise<void> {
    await until(() => (this.position?.offset ?? 0) >= offset, {
      what: `${offset} at a client that is at ${this.position?.offset ?? 'nothing'}`,
      ...(limitMs === undefined ? {} : { limitMs }),
    });
  }

  /** Notes that the client followed to the end. */
  end(): void {
    this.recorder.end();
    this.isOver = true;
  }

  leave(): void {
    this.isOver = true;
    void this.#items.return();
    this.client.close();
  }

  async #read(): Promise<void> {
    for await (const item of this.#items) {
      this.heardAtMs = performance.now();
      this.recorder.take(item);
    }
  }
}
