// Clients that are driven and counted together, one connection for each session. Counts every event: what came
// again, what was left out, and how long each took.
import { quantile } from '../numbers.ts';
import { Connection, type Target } from './connection.ts';
import { dialectOf, type ClientSession, type Dialect, type Heard } from './dialects.ts';
import { nowUs, scanMarks } from './token.ts';
import type { Lane, SessionRef } from './types.ts';

/** What was counted since the window began. */
export interface GroupStats {
  /** Events, each counted once. */
  readonly received: number;
  readonly duplicated: number;
  /** Events that were passed over: a later one came. */
  readonly skipped: number;
  readonly resets: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

interface Client {
  readonly session: ClientSession;
  connection: Connection | undefined;
  isLive: boolean;
}

export class Group {
  readonly #dialect: Dialect;
  readonly #clients: Client[];
  readonly #onEvents: (events: number) => void;
  #target: Target;
  #received = 0;
  #duplicated = 0;
  #skipped = 0;
  #resetsBefore = 0;
  #latencies: number[] = [];
  /** What to do about connections that are lost: try again within this time, or count them as a failure. */
  #reconnectWithinMs: number | undefined;
  #onProgress: () => void = () => undefined;
  #failures: string[] = [];

  constructor(
    input: { readonly lane: Lane; readonly target: Target; readonly sessions: readonly SessionRef[] },
    onEvents: (events: number) => void,
  ) {
    this.#dialect = dialectOf(input.lane);
    this.#target = input.target;
    this.#onEvents = onEvents;
    this.#clients = input.sessions.map(({ id, epoch, offset, count }) => ({
      session: { id, epoch, offset, number: count, resets: 0 },
      connection: undefined,
      isLive: false,
    }));
  }

  /** Connects all that are not, at most `inFlight` at a time; resolves when all are live. */
  async connect(inFlight: number): Promise<void> {
    const waiting = this.#clients.filter((client) => client.connection === undefined);
    await runBounded(waiting, inFlight, async (client) => this.#open(client));
  }

  begin(): void {
    this.#received = 0;
    this.#duplicated = 0;
    this.#skipped = 0;
    this.#latencies = [];
    this.#resetsBefore = this.#resets();
  }

  /** Resolves when so many events have come, or when the time is over. */
  async settle(expected: number, limitMs: number): Promise<GroupStats> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    this.#onProgress = () => {
      if (this.#received >= expected) resolve();
    };
    this.#onProgress();
    await promise;
    clearTimeout(timer);
    this.#onProgress = () => undefined;
    if (this.#failures.length > 0)
      throw new Error(`clients failed: ${this.#failures.slice(0, 3).join('; ')}`);
    return {
      received: this.#received,
      duplicated: this.#duplicated,
      skipped: this.#skipped,
      resets: this.#resets() - this.#resetsBefore,
      p50Ms: quantile(this.#latencies, 0.5) / 1_000,
      p99Ms: quantile(this.#latencies, 0.99) / 1_000,
      p999Ms: quantile(this.#latencies, 0.999) / 1_000,
    };
  }

  /** From now on lost connections are made again: each within this time, at `port`. */
  expectLoss(port: number, withinMs: number): void {
    this.#target = { ...this.#target, port };
    this.#reconnectWithinMs = withinMs;
  }

  /** Loses every connection in the given way and connects again, each within `withinMs`. */
  lose(how: 'cut' | 'abandon', to: { readonly port: number; readonly withinMs: number }): void {
    this.expectLoss(to.port, to.withinMs);
    for (const client of this.#clients) {
      client.connection?.[how]();
      client.connection = undefined;
      client.isLive = false;
      this.#reopenSoon(client, to.withinMs);
    }
  }

  /** Cuts every connection and leaves it at that. */
  close(): void {
    for (const client of this.#clients) {
      client.connection?.cut();
      client.connection = undefined;
      client.isLive = false;
    }
  }

  #resets(): number {
    return this.#clients.reduce((sum, { session }) => sum + session.resets, 0);
  }

  async #open(client: Client): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (reason: string): void => {
      client.connection = undefined;
      client.isLive = false;
      if (this.#reconnectWithinMs === undefined) this.#failures.push(reason);
      else this.#reopenSoon(client, this.#reconnectWithinMs);
      reject(new Error(reason));
    };
    const connection = new Connection({ ...this.#target, dialect: this.#dialect }, client.session, {
      onOpen: () => undefined,
      onText: (text, heard) => {
        this.#take(client, text, heard);
        if (heard === 'live') resolve();
        if (heard !== 'refused') return;
        connection.cut();
        fail(`a gateway refused: ${text}`);
      },
      onLost: () => fail('a connection was lost'),
    });
    client.connection = connection;
    await promise;
  }

  #reopenSoon(client: Client, withinMs: number): void {
    setTimeout(() => {
      // A connection that is lost again is tried again by its own end.
      if (client.connection === undefined) this.#open(client).catch(() => undefined);
    }, Math.random() * withinMs);
  }

  #take(client: Client, text: string, heard: Heard): void {
    if (heard === 'live') client.isLive = true;
    const { session } = client;
    const at = nowUs();
    let events = 0;
    scanMarks(text, (madeUs, number) => {
      if (number <= session.number) {
        this.#duplicated += 1;
        return;
      }
      this.#skipped += number - session.number - 1;
      session.number = number;
      // What was missed while away says nothing about how fast live events are.
      if (client.isLive) this.#latencies.push(at - madeUs);
      events += 1;
    });
    if (events === 0) return;
    this.#received += events;
    this.#onEvents(events);
    this.#onProgress();
  }
}

/** Runs `work` for every item, at most `count` at a time. */
export async function runBounded<T>(
  items: readonly T[],
  count: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const lanes = Array.from({ length: Math.min(count, items.length) }, async () => {
    for (const item of left) await work(item);
  });
  await Promise.all(lanes);
}
