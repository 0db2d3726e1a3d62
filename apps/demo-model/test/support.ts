// A demo model on a free port, and a reader of its answers.
import type { AddressInfo } from 'node:net';
import { buildDemoModel } from '../src/app.ts';

export interface RunningDemoModel {
  readonly url: string;
  readonly close: () => Promise<void>;
}

export async function startDemoModel(): Promise<RunningDemoModel> {
  const app = buildDemoModel();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo; // a TCP server that listens has one
  return { url: `http://127.0.0.1:${port}`, close: () => app.close() };
}

export type Turn = { readonly role: 'user' | 'assistant'; readonly content: unknown };

export const prompt = (text: string): Turn[] => [{ role: 'user', content: [{ type: 'text', text }] }];

/** What the CLI would send next, after an answer with tool calls. */
export const afterTools = (turns: readonly Turn[], content: readonly Record<string, unknown>[]): Turn[] => [
  ...turns,
  { role: 'assistant', content },
  {
    role: 'user',
    content: content
      .filter(({ type }) => type === 'tool_use')
      .map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' })),
  },
];

export function callModel(
  url: string,
  options: {
    readonly messages: readonly Turn[];
    readonly stream?: boolean;
    readonly headers?: Record<string, string>;
    readonly signal?: AbortSignal;
    readonly path?: string;
  },
): Promise<Response> {
  return fetch(url + (options.path ?? '/v1/messages?beta=true'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...options.headers },
    body: JSON.stringify({
      model: 'claude-test-1',
      max_tokens: 100,
      messages: options.messages,
      stream: options.stream ?? true,
      tools: [{ name: 'Bash', input_schema: {} }],
    }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** JSON that a test looks into freely. */
// oxlint-disable-next-line typescript/no-explicit-any -- the assertions are the types here
export type Json = Record<string, any>;

export const jsonOf = async (response: Promise<Response>): Promise<Json> =>
  (await (await response).json()) as Json; // every answer of the demo model is an object

export interface ServerEvent {
  readonly event: string;
  readonly data: Json;
}

/** The events that arrived; `isCut` when the connection broke before the end of the response. */
export async function readEvents(
  response: Response,
): Promise<{ readonly events: ServerEvent[]; readonly isCut: boolean }> {
  let text = '';
  let isCut = false;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    isCut = true;
  }
  const events = text
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^event: (\S+)\ndata: (.*)$/u.exec(part);
      if (match === null) throw new Error(`not an event: ${part}`);
      return { event: match[1] ?? '', data: JSON.parse(match[2] ?? '') as Json };
    });
  return { events, isCut };
}

/** Puts the deltas together, as a client does: the content of the whole message. */
export function assemble(events: readonly ServerEvent[]): Record<string, unknown>[] {
  const blocks: Record<string, unknown>[] = [];
  const json: string[] = [];
  for (const { event, data } of events) {
    if (event === 'content_block_start') {
      blocks.push({ ...data['content_block'] });
      json.push('');
    }
    const block = blocks.at(-1);
    if (event !== 'content_block_delta' || block === undefined) continue;
    if (data['index'] !== blocks.length - 1)
      throw new Error('a delta names a block that is not the open one');
    const { type, ...change } = data['delta'];
    if (type === 'input_json_delta') {
      json[json.length - 1] += change.partial_json;
      continue;
    }
    for (const [key, value] of Object.entries(change)) block[key] = `${String(block[key])}${String(value)}`;
  }
  return blocks.map((block, index) =>
    block['type'] === 'tool_use' ? { ...block, input: JSON.parse(json[index] ?? '') } : block,
  );
}
