// A place for a process that may die and be started again, with its own way to Redis.
import { randomUUID } from 'node:crypto';
import type { Service } from '../support/processes.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import type { TestRedis } from '../support/redis.ts';

/** What a process is started with. */
export interface Berth {
  readonly name: string;
  /** Between this process and Redis. */
  readonly toRedis: TcpProxy;
  /** A worker name that was never used. */
  freshName(): string;
}

export class Slot<T extends Service> implements AsyncDisposable, Berth {
  readonly name: string;
  readonly toRedis: TcpProxy;
  readonly #start: (berth: Berth) => Promise<T>;
  #process: T | null = null;
  #isDisposed = false;

  private constructor(name: string, toRedis: TcpProxy, start: (berth: Berth) => Promise<T>) {
    this.name = name;
    this.toRedis = toRedis;
    this.#start = start;
  }

  static async open<T extends Service>(options: {
    readonly name: string;
    readonly redis: TestRedis;
    readonly start: (berth: Berth) => Promise<T>;
  }): Promise<Slot<T>> {
    const target = { path: options.redis.address.url };
    const slot = new Slot(options.name, await startTcpProxy({ target, speaks: 'redis' }), options.start);
    await slot.start();
    return slot;
  }

  /** The running process; null between its end and its next start. */
  get process(): T | null {
    return this.#process?.isRunning() === true ? this.#process : null;
  }

  freshName(): string {
    return `${this.name}-${randomUUID().slice(0, 8)}`;
  }

  /** Starts the process; tries again while Redis is not to be had. */
  async start(): Promise<void> {
    for (let attempt = 1; !this.#isDisposed; attempt += 1) {
      try {
        this.#process = await this.#start(this);
        if (this.#isDisposed) await this.#process[Symbol.asyncDispose]();
        return;
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process?.stop(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#process?.[Symbol.asyncDispose]();
    await this.toRedis[Symbol.asyncDispose]();
  }
}
