// Real clients that follow the written sessions over the balancer, each several of them, all recorded.
import { Client, HoldfastError } from '@holdfast/client';
import type { Position, SessionId } from '@holdfast/shared/protocol';
import type { Record } from '../checker/history.ts';
import { ClientRecorder } from '../checker/recorders.ts';
import { TEST_TOKEN } from '../support/processes.ts';

interface Reader {
  readonly sessionId: SessionId;
  readonly recorder: ClientRecorder;
}

export class Audience implements Disposable {
  readonly clients: readonly Client[];
  readonly #readers: Reader[] = [];
  /** Readers that were told that there is nothing more to read, which nobody should be. */
  readonly failures: string[] = [];

  /** Client i of n follows every n-th session from i on, and its neighbour's, so that each has several readers. */
  constructor(
    url: string,
    options: { readonly clients: number; readonly sessions: readonly SessionId[]; readonly record: Record },
  ) {
    const { sessions, record } = options;
    this.clients = Array.from({ length: options.clients }, () => new Client({ url, token: TEST_TOKEN }));
    for (const [index, client] of this.clients.entries()) {
      const followed = [sessions[index % sessions.length], sessions[(index * 3 + 1) % sessions.length]];
      for (const sessionId of new Set(followed)) {
        if (sessionId !== undefined) this.follow(client, { sessionId, name: `client-${index}`, record });
      }
    }
  }

  follow(client: Client, options: { sessionId: SessionId; name: string; record: Record }): void {
    const { sessionId, name, record } = options;
    const recorder = new ClientRecorder(record, { client: name, session: sessionId });
    this.#readers.push({ sessionId, recorder });
    void (async () => {
      for await (const item of client.session(sessionId).events({ from: 'start' })) recorder.take(item);
    })().catch((error: unknown) => {
      const code = error instanceof HoldfastError ? error.code : String(error);
      if (code !== 'client_closed') this.failures.push(`${name} at ${sessionId}: ${code}`);
    });
  }

  /** Readers that are not where the logs are. */
  behind(heads: ReadonlyMap<SessionId, Position>): readonly Reader[] {
    return this.#readers.filter(({ sessionId, recorder }) => {
      const head = heads.get(sessionId);
      const at = recorder.position;
      return at?.epoch !== head?.epoch || at?.offset !== head?.offset;
    });
  }

  /** Notes that everybody followed to the end. */
  end(): void {
    for (const { recorder } of this.#readers) recorder.end();
  }

  [Symbol.dispose](): void {
    for (const client of this.clients) client.close();
  }
}
