// Workers that can be cut off from Redis one by one, a gateway, and sessions that are followed by recorded clients: what
// the rows about ownership are made of. Everything is a real process; the history checker has the last word.
import type { Client, CreateOptions } from '@holdfast/client';
import type { Redis } from '@holdfast/shared/store';
import { sessionKeys } from '@holdfast/shared/store';
import { clientOf, Follower } from '../../e2e/support/system.ts';
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
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { LogRig, type RigClient } from './log-rig.ts';

export interface CutWorker extends Service {
  /** Its way to Redis. */
  readonly toRedis: TcpProxy;
  /** From now on nothing comes through, on open connections and on new ones. */
  cutOff(): void;
  /** New connections come through again; the old ones end. */
  reconnect(): void;
}

/** A session with a follower that waits for events, and two recorded clients that the checker judges. */
export interface Watched {
  readonly client: Client;
  readonly sessionId: Follower['session']['sessionId'];
  readonly follower: Follower;
  readonly clients: readonly RigClient[];
}

export class OwnersRig implements AsyncDisposable {
  readonly redis: TestRedis;
  readonly replica: TestRedis | null;
  readonly gateway: TestGateway;
  readonly dataDir: string;
  readonly log: LogRig;
  readonly #owned: AsyncDisposableStack;
  readonly #demoModel: TestDemoModel;
  /** Between the two servers; everybody else comes by the ruler. */
  readonly #link: TcpProxy | null;
  readonly #ruler: TcpProxy;

  private constructor(input: {
    readonly redis: TestRedis;
    readonly replica: TestRedis | null;
    readonly link: TcpProxy | null;
    readonly ruler: TcpProxy;
    readonly gateway: TestGateway;
    readonly dataDir: string;
    readonly demoModel: TestDemoModel;
    readonly owned: AsyncDisposableStack;
  }) {
    this.redis = input.redis;
    this.replica = input.replica;
    this.gateway = input.gateway;
    this.dataDir = input.dataDir;
    this.#link = input.link;
    this.#ruler = input.ruler;
    this.#demoModel = input.demoModel;
    this.#owned = input.owned;
    this.log = this.#owned.use(new LogRig(input.redis.connect(), this.#address));
  }

  static async start(options: { readonly withReplica?: boolean } = {}): Promise<OwnersRig> {
    await using started = new AsyncDisposableStack();
    const data = started.use(await makeDataDir());
    const redis = started.use(await startRedis());
    const demoModel = started.use(await startDemoModel());
    const ruler = started.use(await startTcpProxy({ target: { path: redis.address.url } }));
    let link: TcpProxy | null = null;
    let replica: TestRedis | null = null;
    if (options.withReplica === true) {
      link = started.use(await startTcpProxy({ target: { path: redis.address.url } }));
      const follow = ['--replicaof', `127.0.0.1 ${link.port}`, '--masterauth', redis.address.password ?? ''];
      replica = started.use(await startRedis(follow));
      const there = replica.connect();
      await until(async () => (await there.info('replication')).includes('master_link_status:up'), {
        what: 'the replica to be in step',
      });
    }
    const address = { ...redis.address, url: `redis://127.0.0.1:${ruler.port}` };
    const gateway = started.use(await startGateway({ redis: { address }, dataDir: data.path }));
    const parts = { redis, replica, link, ruler, gateway, dataDir: data.path, demoModel };
    return new OwnersRig({ ...parts, owned: started.move() });
  }

  get #address(): TestRedis['address'] {
    return { ...this.redis.address, url: `redis://127.0.0.1:${this.#ruler.port}` };
  }

  /** A worker with a way to Redis of its own, ended with the rig. */
  async startWorker(env: Readonly<Record<string, string>> = {}): Promise<CutWorker> {
    const toRedis = this.#owned.use(await startTcpProxy({ target: { port: this.#ruler.port } }));
    const address = { ...this.redis.address, url: `redis://127.0.0.1:${toRedis.port}` };
    const demoModel = this.#demoModel;
    const worker = this.#owned.use(
      await startWorker({ redis: { address }, dataDir: this.dataDir, demoModel, env }),
    );
    return {
      ...worker,
      toRedis,
      cutOff: () => {
        toRedis.applyToNew([{ kind: 'half_open' }]);
        toRedis.apply({ kind: 'half_open' });
      },
      reconnect: () => {
        toRedis.applyToNew([]);
        toRedis.apply({ kind: 'cut' });
      },
    };
  }

  async createSession(options: CreateOptions = {}): Promise<Watched> {
    const client = clientOf(this.gateway);
    this.#owned.defer(() => client.close());
    const { session } = await client.create(options);
    const { sessionId } = session;
    const follower = new Follower(session);
    this.#owned.defer(() => follower.stop());
    const { url } = this.gateway;
    const names = [`${sessionId}/one`, `${sessionId}/two`];
    return {
      client,
      sessionId,
      follower,
      clients: names.map((name) => this.log.follow(sessionId, { url, name })),
    };
  }

  /** From now on the replica gets nothing more of what the primary acknowledges. */
  async stopReplication(): Promise<void> {
    if (this.#link === null) throw new Error('there is no replica');
    await this.log.redis.wait(1, 5_000);
    this.#link.apply({ kind: 'half_open' });
    this.#link.applyToNew([{ kind: 'half_open' }]);
  }

  /** The primary dies; the replica, as far as it came, takes its place. */
  async failOver(): Promise<void> {
    const { replica } = this;
    if (replica === null) throw new Error('there is no replica');
    await this.redis.stop('SIGKILL');
    const redis = replica.connect();
    await redis.replicaof('NO', 'ONE');
    this.log.redis = redis;
    this.#ruler.retarget({ path: replica.address.url });
    this.#ruler.apply({ kind: 'cut' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/** The fences under which the stored events were written, in the order of the log. */
export async function fencesOf(redis: Redis, sessionId: Watched['sessionId']): Promise<number[]> {
  const entries = await redis.xrange(sessionKeys(sessionId).events, '-', '+');
  return entries.map(([id]) => Number(id.split('-')[1]));
}

export async function ownerOf(redis: Redis, sessionId: Watched['sessionId']): Promise<string> {
  return (await redis.hget(sessionKeys(sessionId).meta, 'owner')) ?? '';
}
