// A bare reader of Server-Sent Events for conformance tests.
import { request, type ClientRequest } from 'node:http';
import { once } from 'node:events';
import { TEST_TOKEN } from './processes.ts';
import type { ReceivedEvent } from './ws-client.ts';
import { until } from './until.ts';

export interface SseMessage {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface SseClient extends AsyncDisposable {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly messages: readonly SseMessage[];
  /** Comment lines, without the colon. */
  readonly comments: readonly string[];
  events(): ReceivedEvent[];
  /** The id of the last message that had one: what a browser would send as Last-Event-ID. */
  lastId(): string | undefined;
  untilOffset(offset: number): Promise<void>;
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
}

export async function openSse(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<SseClient> {
  const call: ClientRequest = request(url, {
    agent: false,
    headers: { authorization: `Bearer ${TEST_TOKEN}`, accept: 'text/event-stream', ...headers },
  });
  call.on('error', () => undefined);
  call.end();
  const [response] = await once(call, 'response');
  const messages: SseMessage[] = [];
  const comments: string[] = [];
  let rest = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (part.startsWith(':')) comments.push(part.slice(1));
      else messages.push(...parseMessage(part));
    }
  });
  response.on('error', () => undefined);
  // `once` would reject on the error that a cut connection gives.
  const ended = new Promise<void>((resolve) => response.once('close', () => resolve()));
  const events = (): ReceivedEvent[] =>
    messages.flatMap(
      (message) => (message.event === 'events' ? (message.data['events'] as ReceivedEvent[]) : []), // tests read their fields
    );
  const lastOffset = (): number => {
    const last = events().at(-1);
    return last === undefined ? 0 : (last.upTo ?? last.offset);
  };
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    messages,
    comments,
    events,
    ended,
    lastId: () => messages.findLast((message) => message.id !== undefined)?.id,
    untilOffset: async (offset) =>
      void (await until(() => lastOffset() >= offset, { what: `offset ${offset}` })),
    [Symbol.asyncDispose]: async () => {
      call.destroy();
      await ended;
    },
  };
}

/** One message; the `retry` line that opens a stream is none. */
function parseMessage(text: string): SseMessage[] {
  const field = (name: string): string | undefined =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const data = field('data');
  if (data === undefined) return [];
  return [
    {
      event: field('event') ?? 'message',
      id: field('id'),
      data: JSON.parse(data) as Record<string, unknown>,
    },
  ]; // objects by protocol
}
