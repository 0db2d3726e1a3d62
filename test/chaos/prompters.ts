// Sessions with real workers and a real CLI: prompts with a counting tool, some sent twice, repeated until accepted.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HoldfastError, type Client } from '@holdfast/client';
import type { SessionId } from '@holdfast/shared/protocol';
import type { SessionStore } from '@holdfast/shared/store';
import type { Record } from '../checker/history.ts';
import { between, type Random } from './random.ts';

const COUNT_FILE = 'count.txt';
/** Between the end of sending one prompt and the next. */
const REST_MS = [700, 1_800] as const;

export class Prompter {
  readonly sessionId: SessionId;
  readonly #clients: readonly [Client, Client];
  readonly #record: Record;
  readonly #random: Random;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  accepted = 0;

  private constructor(options: {
    sessionId: SessionId;
    clients: readonly [Client, Client];
    record: Record;
    random: Random;
  }) {
    this.sessionId = options.sessionId;
    this.#clients = options.clients;
    this.#record = options.record;
    this.#random = options.random;
    this.#done = this.#promptOn();
  }

  /** Creates a session whose CLI may run the tool, and begins. */
  static async start(options: {
    readonly clients: readonly [Client, Client];
    readonly record: Record;
    readonly random: Random;
  }): Promise<Prompter> {
    const [client] = options.clients;
    const { session } = await client.create({ settings: { allowedTools: ['Bash'] } });
    return new Prompter({ ...options, sessionId: session.sessionId });
  }

  /** Sends nothing new; resolves when what was begun is accepted. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  /** Prompts whose tool ran more than once. */
  async runTwice(store: SessionStore): Promise<string[]> {
    const meta = await store.read(this.sessionId);
    const text = await readFile(join(meta?.cwd ?? '', COUNT_FILE), 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.filter((line, index) => lines.indexOf(line) !== index);
  }

  async #promptOn(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const promptId = randomUUID();
      const text = `[[tool Bash {"command":"echo ${promptId} >> ${COUNT_FILE}"}]] [[text count=40]]`;
      const sends = [this.#send(this.#clients[0], promptId, text)];
      if (this.#random() < 0.3) sends.push(this.#send(this.#clients[1], promptId, text));
      await Promise.all(sends);
      await pause(between(this.#random, ...REST_MS), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Repeats the same prompt until it is accepted. */
  async #send(client: Client, promptId: string, text: string): Promise<void> {
    for (;;) {
      try {
        const { duplicate } = await client.session(this.sessionId).prompt(text, { promptId });
        this.#record({ kind: 'prompt_accepted', session: this.sessionId, promptId });
        if (!duplicate) this.accepted += 1;
        return;
      } catch (error) {
        if (!(error instanceof HoldfastError) || !error.retryable) throw error;
        await pause(200);
      }
    }
  }
}
