import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  afterTools,
  assemble,
  callModel,
  jsonOf,
  prompt,
  readEvents,
  startDemoModel,
  type RunningDemoModel,
} from './support.ts';

let model: RunningDemoModel;
beforeAll(async () => {
  model = await startDemoModel();
});
afterAll(() => model.close());

const stream = async (text: string, headers?: Record<string, string>) => {
  const response = await callModel(model.url, { messages: prompt(text), ...(headers ? { headers } : {}) });
  return { response, ...(await readEvents(response)) };
};
const whole = (text: string, headers?: Record<string, string>) =>
  callModel(model.url, { messages: prompt(text), stream: false, ...(headers ? { headers } : {}) });

describe('a streamed answer', () => {
  it('has the events of the Messages API in their order', async () => {
    const { response, events, isCut } = await stream(
      '[[think a b]] [[say one two]] [[tool Bash {"command":"echo a long enough command line"}]]',
    );
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('request-id')).toMatch(/^req_demo_/u);
    expect(isCut).toBe(false);
    expect(events.map(({ event, data }) => data['delta']?.type ?? event)).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'thinking_delta',
      'thinking_delta',
      'signature_delta',
      'content_block_stop',
      'content_block_start',
      'text_delta',
      'text_delta',
      'content_block_stop',
      'content_block_start',
      'input_json_delta',
      'input_json_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(events.every(({ event, data }) => data['type'] === event)).toBe(true);
    expect(events[0]?.data['message']).toMatchObject({
      id: expect.stringMatching(/^msg_demo_[0-9a-f]{32}$/u),
      type: 'message',
      role: 'assistant',
      model: 'claude-test-1',
      content: [],
      stop_reason: null,
      usage: { input_tokens: expect.any(Number), cache_read_input_tokens: 0, output_tokens: 1 },
    });
    expect(events.at(-2)?.data).toMatchObject({
      delta: { stop_reason: 'tool_use', stop_sequence: null },
      usage: { output_tokens: expect.any(Number) },
    });
  });

  it('has message and tool ids of its own each time', async () => {
    const text = '[[tool Bash {}]] [[also Bash {}]]';
    const [first, second] = [await stream(text), await stream(text)];
    const ids = [first, second].flatMap(({ events }) => [
      events[0]?.data['message'].id,
      ...assemble(events).map(({ id }) => id),
    ]);
    expect(new Set(ids).size).toBe(6);
  });

  it('carries several tool calls at once', async () => {
    const { events } = await stream('[[tool Bash {"command":"a"}]] [[also Write {"file_path":"/x"}]]');
    expect(assemble(events)).toMatchObject([
      { type: 'tool_use', name: 'Bash', input: { command: 'a' } },
      { type: 'tool_use', name: 'Write', input: { file_path: '/x' } },
    ]);
  });

  it('comes as so many numbered deltas of the wanted size, at the wanted rate', async () => {
    const startedAt = performance.now();
    const { events } = await stream('[[text count=20 rate=100 size=8]]');
    const took = performance.now() - startedAt;
    const deltas = events.filter(({ event }) => event === 'content_block_delta');
    expect(deltas).toHaveLength(20);
    expect(deltas[0]?.data['delta'].text).toBe('w0..... ');
    expect(deltas[19]?.data['delta'].text).toBe('w19.... ');
    expect(took).toBeGreaterThanOrEqual(195);
  });

  it('starts after the delay of a slow marker', async () => {
    const startedAt = performance.now();
    const response = await callModel(model.url, { messages: prompt('[[slow ms=150]] [[say x]]') });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(145);
    expect(assemble((await readEvents(response)).events)).toEqual([{ type: 'text', text: 'x' }]);
  });

  it('of an unmarked prompt comes in several deltas', async () => {
    const { events } = await stream('hello');
    expect(events.filter(({ event }) => event === 'content_block_delta').length).toBeGreaterThan(20);
  });
});

describe('a whole answer', () => {
  it('has the same content as the streamed one', async () => {
    const text = '[[think t]] [[say a]] [[text count=3]] [[tool Bash {"command":"x"}]] [[also Bash]]';
    const streamed = assemble((await stream(text)).events);
    const { content, ...rest } = await jsonOf(whole(text));
    const withoutIds = (blocks: Record<string, unknown>[]) => blocks.map(({ id: _id, ...block }) => block);
    expect(withoutIds(content)).toEqual(withoutIds(streamed));
    expect(rest).toMatchObject({
      type: 'message',
      role: 'assistant',
      stop_reason: 'tool_use',
      stop_sequence: null,
    });
  });

  it('has no fault of mid-stream, so a repeated call gets through', async () => {
    const { content } = await jsonOf(whole('[[say a]] [[error stream]] [[cut]] [[say b]]'));
    expect(content).toEqual([{ type: 'text', text: 'a\nb' }]);
  });
});

describe('stop reasons and usage', () => {
  it.each(['end_turn', 'max_tokens', 'refusal'])('%s is sent as told', async (reason) => {
    const { events } = await stream(`[[say x]] [[stop ${reason}]]`);
    expect(events.at(-2)?.data['delta'].stop_reason).toBe(reason);
  });

  it('a usage marker fixes what it names', async () => {
    const { events } = await stream('[[usage input=7 cache_read=190000 output=3]] [[say x]]');
    const wanted = { input_tokens: 7, cache_read_input_tokens: 190_000 };
    expect(events[0]?.data['message'].usage).toMatchObject(wanted);
    expect(events.at(-2)?.data['usage']).toMatchObject({ ...wanted, output_tokens: 3 });
  });

  it('the input side grows with the conversation, and what came before counts as read from the cache', async () => {
    const total = (usage: Record<string, number>) =>
      Object.values(usage).reduce((sum, tokens) => sum + tokens, 0) - (usage['output_tokens'] ?? 0);
    const first = await jsonOf(whole('hello'));
    const messages = [
      ...prompt('hello'),
      { role: 'assistant' as const, content: first['content'] },
      ...prompt('again'),
    ];
    const second = await jsonOf(callModel(model.url, { messages, stream: false }));
    expect(total(second['usage'])).toBeGreaterThan(total(first['usage']));
    expect(first['usage'].cache_read_input_tokens).toBe(0);
    expect(second['usage'].cache_read_input_tokens).toBeGreaterThan(0);
  });

  it('a picture costs the same whatever its size', async () => {
    const count = async (size: number): Promise<number> => {
      const source = { type: 'base64', media_type: 'image/png', data: 'A'.repeat(size) };
      const messages = [
        {
          role: 'user' as const,
          content: [
            { type: 'image', source },
            { type: 'text', text: 'x' },
          ],
        },
      ];
      const { input_tokens } = await jsonOf(
        callModel(model.url, { messages, path: '/v1/messages/count_tokens' }),
      );
      return Number(input_tokens);
    };
    expect(await count(1_000_000)).toBe(await count(10));
  });
});

describe('errors', () => {
  it.each([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [413, 'request_too_large'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [529, 'overloaded_error'],
  ])('status %i comes in the shape of the API', async (status, type) => {
    const response = await whole(`[[error status=${status} message="no way"]]`);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ type: 'error', error: { type, message: 'no way' } });
  });

  it('happen only so many times, counted for each session, and again when the prompt comes again', async () => {
    const text = '[[error status=529 times=2]] [[say ok]]';
    const statuses = async (session: string, calls: number): Promise<number[]> => {
      const seen: number[] = [];
      for (let call = 0; call < calls; call++) {
        seen.push((await whole(text, { 'x-claude-code-session-id': session })).status);
      }
      return seen;
    };
    expect(await statuses('one', 4)).toEqual([529, 529, 200, 529]);
    expect(await statuses('two', 3)).toEqual([529, 529, 200]);
  });

  it('in mid-stream come as an error event after the deltas so far', async () => {
    const { response, events, isCut } = await stream('[[text count=3]] [[error stream]] [[say never]]');
    expect(response.status).toBe(200);
    expect(isCut).toBe(false);
    expect(events.slice(-2).map(({ event }) => event)).toEqual(['content_block_delta', 'error']);
    expect(events.at(-1)?.data).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Overloaded' },
    });
  });

  it.each(['[[text count=3]] [[cut]]', '[[text count=3]] [[slow ms=20]] [[cut]]'])(
    '%s breaks the connection after the deltas so far',
    async (text) => {
      const { events, isCut } = await stream(text);
      expect(isCut).toBe(true);
      expect(assemble(events)).toEqual([{ type: 'text', text: 'w0 w1 w2 ' }]);
      expect(events.at(-1)?.event).toBe('content_block_delta');
    },
  );

  it('of one answer that happen once do not come back when a later one makes the call fail again', async () => {
    const text = '[[error status=500 times=1]] [[say a]] [[cut times=1]]';
    for (let round = 0; round < 2; round++) {
      expect((await whole(text)).status).toBe(500);
      expect((await stream(text)).isCut).toBe(true);
      expect((await whole(text)).status).toBe(200);
    }
  });

  it('in mid-stream that happen once are over when the call is repeated as a whole', async () => {
    const text = '[[say a]] [[error stream times=1]]';
    for (let round = 0; round < 2; round++) {
      expect((await stream(text)).events.at(-1)?.event).toBe('error');
      expect((await whole(text)).status).toBe(200);
    }
  });
});

describe('bad calls', () => {
  it.each([{ 'x-api-key': 'refused' }, { authorization: 'Bearer refused' }])(
    'with the refused key get 401: %o',
    async (headers) => {
      const response = await whole('hello', headers);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: { type: 'authentication_error' } });
    },
  );

  it.each(['not json', '{}', '{"model":"m","messages":[]}', '{"model":"m","messages":[{"role":"x"}]}'])(
    'with the body %s get 400',
    async (body) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${model.url}/v1/messages`, { method: 'POST', headers, body });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        type: 'error',
        error: { type: 'invalid_request_error' },
      });
    },
  );

  it('to an unknown path get 404 in the same shape', async () => {
    const response = await fetch(`${model.url}/v1/models`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
  });

  it('over 32 MB get 413', async () => {
    const messages = prompt('x'.repeat(33 * 1024 * 1024));
    expect((await callModel(model.url, { messages })).status).toBe(413);
  });
});

describe('a script over several calls', () => {
  it('goes on where it was on a demo model that was started anew', async () => {
    const other = await startDemoModel();
    try {
      let messages = prompt(
        '[[tool Bash {"command":"1"}]] [[say mid]] [[tool Bash {"command":"2"}]] [[say end]]',
      );
      const said: unknown[] = [];
      for (const url of [model.url, other.url, model.url]) {
        const content = assemble((await readEvents(await callModel(url, { messages }))).events);
        said.push(...content.map((block) => block['text'] ?? block['input']));
        messages = afterTools(messages, content);
      }
      expect(said).toEqual([{ command: '1' }, 'mid', { command: '2' }, 'end']);
    } finally {
      await other.close();
    }
  });
});

describe('what is beside the messages', () => {
  it('HEAD / and GET /healthz answer', async () => {
    expect((await fetch(model.url, { method: 'HEAD' })).status).toBe(200);
    expect(await (await fetch(`${model.url}/healthz`)).json()).toEqual({ status: 'ok' });
  });

  it('calls are counted, and the last 100 are kept', async () => {
    const own = await startDemoModel();
    try {
      for (let call = 0; call < 103; call++) {
        await callModel(own.url, { messages: prompt(`[[say ${call}]]`), stream: call % 2 === 0 });
      }
      const { count, last } = await jsonOf(fetch(`${own.url}/demo/requests`));
      expect(count).toBe(103);
      expect(last).toHaveLength(100);
      expect(last[99]).toEqual({
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/u),
        path: '/v1/messages?beta=true',
        promptText: '[[say 102]]',
        model: 'claude-test-1',
        stream: true,
        toolNames: ['Bash'],
      });
    } finally {
      await own.close();
    }
  });
});
