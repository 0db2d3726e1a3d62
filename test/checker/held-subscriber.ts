// A subscriber that can be held up where the order of things decides: its subscriptions, and what they bring.
import type { MessageHandler, Subscriber } from '@holdfast/shared/store';
import { createDeferred } from '@holdfast/shared/util';

export class HeldSubscriber implements Subscriber {
  readonly #inner: Subscriber;
  readonly #isAckAwaited: boolean;
  #gate: Promise<void> = Promise.resolve();
  #openGate: () => void = () => undefined;
  #held: (() => void)[] | null = null;

  /** `isAckAwaited: false`: `subscribe` resolves at once, which is what it must not do. */
  constructor(inner: Subscriber, isAckAwaited: boolean) {
    this.#inner = inner;
    this.#isAckAwaited = isAckAwaited;
  }

  /** Subscriptions asked for from now on reach Redis only after {@link releaseSubscriptions}. */
  holdSubscriptions(): void {
    const gate = createDeferred<void>();
    this.#gate = gate.promise;
    this.#openGate = () => gate.resolve();
  }

  releaseSubscriptions(): void {
    this.#openGate();
  }

  /** Messages that arrive from now on are handed out only after {@link releaseMessages}. */
  holdMessages(): void {
    this.#held = [];
  }

  /** How many messages wait. */
  get heldCount(): number {
    return this.#held?.length ?? 0;
  }

  releaseMessages(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const deliver of held) deliver();
  }

  async subscribe(channel: string, handler: MessageHandler): Promise<void> {
    const subscribed = this.#gate.then(async () =>
      this.#inner.subscribe(channel, (body) => {
        const copy = Buffer.from(body);
        if (this.#held === null) handler(copy);
        else this.#held.push(() => handler(copy));
      }),
    );
    if (this.#isAckAwaited) await subscribed;
    else subscribed.catch(() => undefined);
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#inner.unsubscribe(channel);
  }

  onGap(listener: () => void): void {
    this.#inner.onGap(listener);
  }

  isHealthy(): boolean {
    return this.#inner.isHealthy();
  }

  close(): void {
    this.#inner.close();
  }
}
