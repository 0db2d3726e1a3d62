// A client on a clock that stands still, wired to a gateway in memory: no time passes and no socket opens.
import {
  Client,
  type ClientOptions,
  type Diagnostic,
  type SessionItem,
  type WakeSignal,
} from '../../src/index.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeGateway } from './fake-gateway.ts';

export class Harness {
  readonly gateway = new FakeGateway();
  readonly clock = new FakeClock();
  readonly diagnostics: Diagnostic[] = [];
  readonly client: Client;
  #signal: (signal: WakeSignal) => void = () => undefined;

  constructor(options: Partial<ClientOptions> = {}) {
    this.client = new Client({
      url: 'http://gateway.test',
      token: this.gateway.token,
      createTransport: () => this.gateway.memoryTransport(),
      clock: this.clock,
      random: () => 0,
      wakeSignals: (listener) => {
        this.#signal = listener;
        return () => {
          this.#signal = () => undefined;
        };
      },
      onDiagnostic: (diagnostic) => this.diagnostics.push(diagnostic),
      ...options,
    });
  }

  /** What the browser would say. */
  signal(signal: WakeSignal): void {
    this.#signal(signal);
  }
}

/** Reads on and on; `items` grows as they arrive, `error` is what ended it. */
export class Recorder {
  readonly items: SessionItem[] = [];
  readonly done: Promise<unknown>;

  constructor(items: AsyncIterable<SessionItem>) {
    this.done = this.#read(items).catch((error: unknown) => error);
  }

  get offsets(): readonly number[] {
    return this.items.flatMap((item) => (item.kind === 'event' ? [item.event.offset] : []));
  }

  get kinds(): readonly string[] {
    return this.items.map((item) => item.kind);
  }

  async #read(items: AsyncIterable<SessionItem>): Promise<undefined> {
    for await (const item of items) this.items.push(item);
    return undefined;
  }
}

/** Lets everything that waits on settled promises run. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
