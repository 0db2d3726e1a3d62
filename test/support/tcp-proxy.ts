// A TCP proxy that misbehaves on command: cuts, half-open connections, delays, slow reading, lost replies,
// swallowed pub/sub messages, data that ends in the middle. For Redis and for gateway sockets.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { isPubSubMessage, RespStream } from './resp-stream.ts';

/** Where connections go: a port of this machine, or a Unix socket. */
export type ProxyTarget = { readonly port: number } | { readonly path: string };

export type ProxyFault =
  /** Ends the connection at once, for both sides. */
  | { readonly kind: 'cut' }
  /** Stays open, but nothing comes through in either direction from now on. */
  | { readonly kind: 'half_open' }
  /** Every piece of data waits this long, in both directions. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The client reads no faster than this. */
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }
  /** Lets the next request that contains this text through, and cuts the connection when its answer comes. */
  | { readonly kind: 'lose_reply'; readonly to: string }
  /** Answers come through, pub/sub messages do not: all of them, or the next `count`. */
  | { readonly kind: 'swallow_messages'; readonly count?: number }
  /** So many more bytes reach the client, then the connection is cut. */
  | { readonly kind: 'truncate'; readonly bytes: number };

export interface ProxiedConnection {
  /** Counts the connections of this proxy from 1. */
  readonly id: number;
  apply(fault: ProxyFault): void;
  /** Takes back delay, throttle and swallowing; what was cut or half-open stays so. */
  heal(): void;
  /** Whether the client has sent something that contains this text. */
  hasSent(text: string): boolean;
}

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** The open connections, oldest first. */
  connections(): readonly ProxiedConnection[];
  /** How many connections there were so far. */
  accepted(): number;
  /** Applies a fault to all open connections. */
  apply(fault: ProxyFault): void;
  /** Takes back what can be taken back on all connections, and what `applyToNew` asked for. */
  heal(): void;
  /** Faults that every new connection begins with. */
  applyToNew(faults: readonly ProxyFault[]): void;
  /** Where new connections go from now on; null: they are refused. */
  retarget(target: ProxyTarget | null | (() => ProxyTarget | null)): void;
}

/** Listens on a free port. `speaks: 'redis'` is needed for `swallow_messages`. */
export async function startTcpProxy(options: {
  readonly target: ProxyTarget | null | (() => ProxyTarget | null);
  readonly speaks?: 'redis';
}): Promise<TcpProxy> {
  let { target } = options;
  let faultsOfNew: readonly ProxyFault[] = [];
  let accepted = 0;
  const open = new Set<Proxied>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const to = typeof target === 'function' ? target() : target;
    if (to === null) {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    accepted += 1;
    const proxied = new Proxied({ id: accepted, client, target: to, speaks: options.speaks });
    open.add(proxied);
    void proxied.closed.then(() => open.delete(proxied));
    for (const fault of faultsOfNew) proxied.apply(fault);
    proxied.run();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port, // it listens on a port
    connections: () => [...open],
    accepted: () => accepted,
    apply: (fault) => {
      for (const proxied of open) proxied.apply(fault);
    },
    heal: () => {
      faultsOfNew = [];
      for (const proxied of open) proxied.heal();
    },
    applyToNew: (faults) => (faultsOfNew = faults),
    retarget: (next) => (target = next),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const proxied of open) proxied.apply({ kind: 'cut' });
      await closed;
    },
  };
}

/** How much of what was sent is remembered, for `hasSent`. */
const REMEMBERED_BYTES = 64 * 1024;
const THROTTLE_TICK_MS = 50;

class Proxied implements ProxiedConnection {
  readonly id: number;
  readonly closed: Promise<unknown>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #replies: RespStream | undefined;
  #sent = '';
  #isSilent = false;
  #delayMs = 0;
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  #swallow = 0;
  #bytesLeft = Number.POSITIVE_INFINITY;
  #losing: { readonly to: string; requested: boolean } | null = null;

  constructor(options: { id: number; client: Socket; target: ProxyTarget; speaks: 'redis' | undefined }) {
    this.id = options.id;
    this.#client = options.client;
    this.#server = connect({ ...options.target, allowHalfOpen: true, noDelay: true });
    this.#replies = options.speaks === 'redis' ? new RespStream() : undefined;
    this.closed = Promise.all([closeOf(this.#client), closeOf(this.#server)]);
  }

  run(): void {
    for (const socket of [this.#client, this.#server]) {
      socket.on('error', () => this.#cut());
    }
    void this.#pump(this.#client, this.#server, (chunk) => this.#request(chunk));
    void this.#pump(this.#server, this.#client, (chunk) => this.#answer(chunk));
  }

  apply(fault: ProxyFault): void {
    switch (fault.kind) {
      case 'cut':
        return this.#cut();
      case 'half_open':
        this.#isSilent = true;
        return;
      case 'delay':
        this.#delayMs = fault.ms;
        return;
      case 'throttle':
        this.#bytesPerSecond = fault.bytesPerSecond;
        return;
      case 'lose_reply':
        this.#losing = { to: fault.to, requested: false };
        return;
      case 'swallow_messages':
        if (this.#replies === undefined) throw new Error('this proxy does not know what it passes on');
        this.#swallow = fault.count ?? Number.POSITIVE_INFINITY;
        return;
      case 'truncate':
        this.#bytesLeft = fault.bytes;
    }
  }

  heal(): void {
    this.#delayMs = 0;
    this.#bytesPerSecond = Number.POSITIVE_INFINITY;
    this.#swallow = 0;
    this.#losing = null;
  }

  hasSent(text: string): boolean {
    return this.#sent.includes(text);
  }

  #cut(): void {
    // A reset, not an orderly end: what was under way is lost. Unix sockets know no reset.
    if (!this.#client.destroyed) this.#client.resetAndDestroy();
    this.#server.destroy();
  }

  async #pump(from: Socket, to: Socket, pass: (chunk: Buffer) => Buffer): Promise<void> {
    try {
      for await (const chunk of from) {
        if (this.#delayMs > 0) await pause(this.#delayMs);
        const passed = pass(chunk as Buffer); // no encoding is set
        if (!this.#isSilent && passed.length > 0) await this.#write(to, passed);
      }
      if (!this.#isSilent) to.end();
    } catch {
      this.#cut();
    }
  }

  async #write(to: Socket, data: Buffer): Promise<void> {
    let rest = data;
    while (rest.length > 0) {
      const limit = to === this.#client ? this.#bytesPerSecond : Number.POSITIVE_INFINITY;
      const slice = Math.max(1, Math.floor((limit * THROTTLE_TICK_MS) / 1000));
      const piece = rest.subarray(0, slice);
      rest = rest.subarray(piece.length);
      if (!to.write(piece)) await Promise.race([once(to, 'drain'), this.closed]);
      if (to.destroyed) return;
      if (Number.isFinite(limit)) await pause(THROTTLE_TICK_MS);
    }
  }

  #request(chunk: Buffer): Buffer {
    const text = chunk.toString('latin1');
    this.#sent = (this.#sent + text).slice(-REMEMBERED_BYTES);
    if (this.#losing !== null && text.includes(this.#losing.to)) this.#losing.requested = true;
    return chunk;
  }

  #answer(chunk: Buffer): Buffer {
    if (this.#losing?.requested === true) {
      this.#cut();
      return Buffer.alloc(0);
    }
    const passed = this.#replies === undefined ? chunk : this.#withoutMessages(this.#replies.push(chunk));
    if (passed.length < this.#bytesLeft) {
      this.#bytesLeft -= passed.length;
      return passed;
    }
    // What is cut in the middle must arrive first: the end comes by FIN, not by reset.
    this.#isSilent = true;
    this.#client.end(passed.subarray(0, this.#bytesLeft), () => this.#server.destroy());
    return Buffer.alloc(0);
  }

  #withoutMessages(values: readonly Buffer[]): Buffer {
    const passed = values.filter((value) => {
      if (this.#swallow === 0 || !isPubSubMessage(value)) return true;
      this.#swallow -= 1;
      return false;
    });
    return Buffer.concat(passed);
  }
}

async function closeOf(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('close', () => resolve());
  await promise;
}
