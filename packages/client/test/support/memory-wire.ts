// Client and gateway in one process: frames arrive in order, before the outermost call returns.
import type { Transport } from '../../src/transport.ts';

/** The part of a server-side socket used here: that of `ws`, or one in memory. */
export interface FakeSocket {
  readonly readyState: number;
  send(text: string): void;
  close(code: number): void;
  terminate(): void;
}

/** Takes a socket in and gives back what receives its frames. */
type Accept = (socket: FakeSocket) => (text: string) => void;

export class MemoryWire {
  readonly #underWay: (() => void)[] = [];
  #isDelivering = false;

  transport(accept: Accept): Transport {
    let readyState = 1;
    let receive: (text: string) => void = () => undefined;
    return {
      open: (_url, handlers) => {
        const end = (code: number): void => {
          if (readyState === 1) this.#deliver(() => handlers.onClose(code));
          readyState = 3;
        };
        const socket: FakeSocket = {
          get readyState() {
            return readyState;
          },
          send: (text) => readyState === 1 && this.#deliver(() => handlers.onText(text)),
          close: end,
          terminate: () => end(1006),
        };
        receive = accept(socket);
        this.#deliver(() => handlers.onOpen());
      },
      send: (text) => readyState === 1 && this.#deliver(() => readyState === 1 && receive(text)),
      close: () => {
        readyState = 3;
      },
    };
  }

  #deliver(arrive: () => void): void {
    this.#underWay.push(arrive);
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    for (let next = this.#underWay.shift(); next !== undefined; next = this.#underWay.shift()) next();
    this.#isDelivering = false;
  }
}
