// Gateways behind a balancer, and workers, of which each can be replaced: the new process first, then the old one is
// asked to stop. The balancer knows of a gateway only what its /readyz says.
import { setTimeout as pause } from 'node:timers/promises';
import { http } from '../../support/http.ts';
import {
  makeDataDir,
  startDemoModel,
  startGateway,
  startWorker,
  type Exit,
  type Service,
  type TestGateway,
} from '../../support/processes.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

/** How often the balancer looks; gateways that stop must bear with that. */
const LOOK_EVERY_MS = 100;

export interface FleetOptions {
  readonly gateways: number;
  readonly workers: number;
  readonly workerEnv?: Readonly<Record<string, string>>;
}

export class Fleet implements AsyncDisposable {
  readonly redis: TestRedis;
  readonly gateways: TestGateway[] = [];
  readonly workers: Service[] = [];
  readonly #owned: AsyncDisposableStack;
  readonly #options: FleetOptions & { readonly dataDir: string; readonly demoModelUrl: string };
  readonly #balancer: TcpProxy;
  readonly #ended = new AbortController();
  #inRotation: number[] = [];
  #looking: Promise<void> = Promise.resolve();

  private constructor(input: {
    readonly redis: TestRedis;
    readonly owned: AsyncDisposableStack;
    readonly options: FleetOptions & { readonly dataDir: string; readonly demoModelUrl: string };
    readonly balancer: TcpProxy;
  }) {
    this.redis = input.redis;
    this.#owned = input.owned;
    this.#options = input.options;
    this.#balancer = input.balancer;
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    await using started = new AsyncDisposableStack();
    const data = started.use(await makeDataDir());
    const [redis, demoModel, balancer] = await Promise.all([
      startRedis(),
      startDemoModel({ HOLDFAST_LOG_LEVEL: 'error' }),
      startTcpProxy({ target: null }),
    ]);
    for (const one of [redis, demoModel, balancer]) started.use(one);
    const own = { ...options, dataDir: data.path, demoModelUrl: demoModel.url };
    const fleet = new Fleet({ redis, balancer, options: own, owned: started.move() });
    const count = (length: number, start: () => Promise<unknown>): Promise<unknown>[] =>
      Array.from({ length }, start);
    await Promise.all([
      ...count(options.gateways, async () => fleet.#addGateway()),
      ...count(options.workers, async () => fleet.#addWorker()),
    ]);
    let next = 0;
    balancer.retarget(() => {
      next += 1;
      const port = fleet.#inRotation[next % Math.max(1, fleet.#inRotation.length)];
      return port === undefined ? null : { port };
    });
    fleet.#looking = fleet.#look();
    return fleet;
  }

  /** Where clients connect. */
  get url(): string {
    return `http://127.0.0.1:${this.#balancer.port}`;
  }

  /** Starts a new gateway, and stops the oldest one once the balancer has the new one. */
  async replaceGateway(): Promise<Exit> {
    const { port } = await this.#addGateway();
    while (!this.#inRotation.includes(port)) await pause(LOOK_EVERY_MS / 2);
    return stopped(this.gateways.shift());
  }

  /** Starts a new worker, then stops the oldest one. */
  async replaceWorker(): Promise<Exit> {
    await this.#addWorker();
    return stopped(this.workers.shift());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#looking;
    await Promise.all([...this.gateways, ...this.workers].map(async (one) => one[Symbol.asyncDispose]()));
    await this.#owned.disposeAsync();
  }

  async #addGateway(): Promise<TestGateway> {
    const gateway = await startGateway({
      ...{ redis: this.redis, dataDir: this.#options.dataDir },
      env: { HOLDFAST_LOG_LEVEL: 'warn' },
    });
    this.gateways.push(gateway);
    return gateway;
  }

  async #addWorker(): Promise<Service> {
    const worker = await startWorker({
      ...{ redis: this.redis, dataDir: this.#options.dataDir },
      demoModel: { url: this.#options.demoModelUrl },
      env: { HOLDFAST_LOG_LEVEL: 'warn', HOLDFAST_DRAIN_SECONDS: '8', ...this.#options.workerEnv },
    });
    this.workers.push(worker);
    return worker;
  }

  /** The balancer's health checks. */
  async #look(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const looks = this.gateways.map(async ({ url, port }) => {
        const status = await http(`${url}/readyz`).then(
          (answer) => answer.status,
          () => 0,
        );
        return status === 200 ? [port] : [];
      });
      this.#inRotation = (await Promise.all(looks)).flat();
      await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function stopped(service: Service | undefined): Promise<Exit> {
  if (service === undefined) throw new Error('there is nothing to replace');
  return service.stop('SIGTERM');
}
