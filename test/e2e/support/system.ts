// The whole system as real processes: a private Redis, the demo model, gateways and workers; and a session followed
// through the real client. What a test file starts here ends with it.
import { Client, type Session } from '@holdfast/client';
import type { CreateOptions } from '@holdfast/client';
import type { EventBodyOf, EventType, SessionEvent } from '@holdfast/shared/protocol';
import {
  makeDataDir,
  startDemoModel,
  startGateway,
  startWorker,
  type Service,
  type TestDemoModel,
  type TestGateway,
} from '../../support/processes.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';

/** A cold CLI on a busy machine may take this long to its first event. */
const COLD_MS = 30_000;

export interface System extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly demoModel: TestDemoModel;
  readonly gateway: TestGateway;
  readonly dataDir: string;
  /** Starts a worker on the demo model; `env` is added to its environment. */
  startWorker(env?: Readonly<Record<string, string>>): Promise<Service>;
  startGateway(): Promise<TestGateway>;
}

/** Starts everything but the workers. */
export async function startSystem(): Promise<System> {
  await using started = new AsyncDisposableStack();
  const data = started.use(await makeDataDir());
  const redis = started.use(await startRedis());
  const demoModel = started.use(await startDemoModel());
  const gatewayOf = async (): Promise<TestGateway> => startGateway({ redis, dataDir: data.path });
  const gateway = started.use(await gatewayOf());
  const all = started.move();
  return {
    ...{ redis, demoModel, gateway, dataDir: data.path, startGateway: gatewayOf },
    startWorker: async (env = {}) => startWorker({ redis, dataDir: data.path, demoModel, env }),
    [Symbol.asyncDispose]: async () => all.disposeAsync(),
  };
}

/** A client of a gateway; it logs nothing and waits no longer than a test may. */
export function clientOf(gateway: TestGateway): Client {
  return new Client({ url: gateway.url, token: gateway.token, requestDeadlineMs: 10_000 });
}

type Located<T extends EventType> = SessionEvent & EventBodyOf<T>;

/** Everything a session's log holds, from its first event on, as a client sees it. */
export class Follower {
  readonly session: Session;
  readonly events: SessionEvent[] = [];
  readonly #ended = new AbortController();

  constructor(session: Session) {
    this.session = session;
    void this.#read().catch(() => {});
  }

  /** The events of one type so far. */
  all<T extends EventType>(type: T): Located<T>[] {
    return this.events.filter((event): event is Located<T> => event.type === type);
  }

  /** Waits for the event of this type that has these fields; the first one in the log. */
  async one<T extends EventType>(
    type: T,
    fields: Partial<Located<T>> = {},
    limitMs = COLD_MS,
  ): Promise<Located<T>> {
    return this.until(() => this.all(type).find((event) => hasFields(event, fields)), {
      what: `${type} ${JSON.stringify(fields)}`,
      limitMs,
    });
  }

  /** Sends a prompt and waits for the end of its turn, also when it takes more than one attempt. */
  async turn(prompt: string): Promise<Located<'turn_ended'>> {
    const { promptId } = await this.session.prompt(prompt);
    const ended = (): Located<'turn_ended'> | undefined => {
      const turns = this.all('turn_started').filter((event) => event.promptId === promptId);
      return this.all('turn_ended').find((event) => turns.some(({ turnId }) => turnId === event.turnId));
    };
    return this.until(ended, { what: `the end of the turn of ${prompt}`, limitMs: COLD_MS });
  }

  /** The text of all answers of one turn. */
  textOf(turnId: string): string {
    const texts = this.all('message_completed').filter(
      (event) => event.turnId === turnId && event.kind === 'text',
    );
    return texts.map((event) => event.text).join('\n');
  }

  /** The child that runs now, as the log tells. */
  get pid(): number {
    const started = this.all('child_started').at(-1);
    if (started === undefined) throw new Error('no child was started');
    return started.pid;
  }

  stop(): void {
    this.#ended.abort();
  }

  /** Polls until `check` gives something; the error names what was seen of the session until then. */
  async until<T>(
    check: () => T | Promise<T>,
    options: { readonly what: string; readonly limitMs?: number },
  ): Promise<NonNullable<T>> {
    return until(check, { limitMs: COLD_MS, ...options }).catch((error: unknown) => {
      const seen = this.events.map((event) => event.type).join(' ');
      const last = JSON.stringify(this.events.slice(-3));
      throw new Error(`seen so far: ${seen}; at last ${last}`, { cause: error });
    });
  }

  async #read(): Promise<void> {
    for await (const item of this.session.events({ from: 'start', signal: this.#ended.signal })) {
      if (item.kind === 'event') this.events.push(item.event);
    }
  }
}

/** Creates a session and follows it. */
export async function newSession(client: Client, options: CreateOptions = {}): Promise<Follower> {
  const { session } = await client.create(options);
  return new Follower(session);
}

function hasFields(event: SessionEvent, fields: object): boolean {
  return Object.entries(fields).every(([name, value]) => Reflect.get(event, name) === value);
}
