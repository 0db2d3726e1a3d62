// The HTTP calls, against a server that answers what each test says.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EMPTY_VIEW } from '@holdfast/shared/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpApi } from '../src/index.ts';
import { LogWriter } from './support/events.ts';
import { sessionIdOf } from './support/fake-log.ts';

const sid = sessionIdOf(0);
const summary = {
  sessionId: sid,
  title: null,
  cwd: '/w',
  status: 'idle',
  archived: false,
  createdAt: 1,
  updatedAt: 2,
  position: { epoch: 'e1', offset: 0 },
};

let server: Server;
let url: string;
interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly raw?: string;
}
/** What is answered from now on, after `first`, one each. */
let answer: Answer;
/** `cut`: the connection ends without an answer. */
let first: (Answer | 'cut')[];
let seen: { readonly request: IncomingMessage; readonly body: string }[];

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  seen.push({ request, body });
  const now = first.shift() ?? answer;
  if (now === 'cut') return void request.socket.destroy();
  response.writeHead(now.status, { 'content-type': 'application/json' });
  response.end(now.raw ?? (now.body === undefined ? '' : JSON.stringify(now.body)));
}

beforeEach(async () => {
  seen = [];
  first = [];
  server = createServer((request, response) => void respond(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a TCP server has an AddressInfo
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const api = (): HttpApi => new HttpApi({ url: `${url}/`, token: 'secret-token-012345' });

describe('the HTTP calls', () => {
  it('list the sessions, with the token as bearer', async () => {
    answer = { status: 200, body: { sessions: [summary] } };
    expect(await api().list()).toEqual([summary]);
    expect(seen[0]?.request).toMatchObject({
      method: 'GET',
      url: '/v1/sessions',
      headers: { authorization: 'Bearer secret-token-012345' },
    });
  });

  it('create a session, with an id of their own making', async () => {
    answer = { status: 201, body: { sessionId: sid, duplicate: false } };
    expect(await api().create({ title: 'T', settings: { model: 'opus' } })).toEqual({
      sessionId: sid,
      duplicate: false,
    });
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
      title: 'T',
      settings: { model: 'opus' },
      createId: expect.stringMatching(/^[A-Za-z0-9_-]{1,64}$/) as unknown,
    });
  });

  it('inspect a session', async () => {
    const details = {
      session: summary,
      view: EMPTY_VIEW,
      owner: { workerId: 'w1', alive: true },
      inbox: { unread: 0 },
    };
    answer = { status: 200, body: details };
    expect(await api().inspect(sid)).toEqual(details);
  });

  it('delete a session', async () => {
    answer = { status: 204 };
    await api().delete(sid);
    expect(seen[0]?.request).toMatchObject({ method: 'DELETE', url: `/v1/sessions/${sid}` });
  });

  it('page through the history, events of unknown types included', async () => {
    const created = new LogWriter().created();
    answer = {
      status: 200,
      body: { events: [created, { type: 'later', offset: 2, at: 5 }], first: 1, more: false },
    };
    const page = await api().history(sid, { before: 9, limit: 50 });
    expect(page).toMatchObject({ events: [created, { type: 'unknown', offset: 2 }], first: 1, more: false });
    expect(seen[0]?.request.url).toBe(`/v1/sessions/${sid}/history?before=9&limit=50`);
  });

  it('reject with the error of the catalogue that the service answered', async () => {
    const error = { code: 'session_not_found', message: 'There is no such session.', retryable: false };
    answer = { status: 404, body: { error, requestId: 'r1' } };
    await expect(api().inspect(sid)).rejects.toMatchObject({ name: 'HoldfastError', ...error });
  });

  it.each([
    ['a proxy that has no gateway', { status: 502, raw: '<html>' }, 'unreachable'],
    ['some other server', { status: 404, raw: '<html>' }, 'bad_response'],
    ['nonsense', { status: 200, raw: '{"sessions":7}' }, 'bad_response'],
  ])('reject with a code of their own for %s', async (_what, given, code) => {
    answer = given;
    await expect(api().list()).rejects.toMatchObject({ code });
  });

  const leaving = {
    status: 503,
    body: { error: { code: 'going_away', message: 'stopping', retryable: true }, requestId: 'r1' },
  };

  it('are sent again when the gateway stops: nobody is shown that [E-05]', async () => {
    first = ['cut', leaving, { status: 502, raw: '<html>' }];
    answer = { status: 200, body: { sessions: [summary] } };
    expect(await api().list()).toEqual([summary]);
    expect(seen).toHaveLength(4);
  });

  it('create with the same id when they are sent again', async () => {
    first = ['cut'];
    answer = { status: 200, body: { sessionId: sid, duplicate: true } };
    await api().create();
    const ids = seen.map(({ body }) => (JSON.parse(body) as { createId: string }).createId); // what create sends
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  it('delete in one go: what is gone at the second try was deleted by the first', async () => {
    const error = { code: 'session_not_found', message: 'There is no such session.', retryable: false };
    answer = { status: 404, body: { error, requestId: 'r1' } };
    first = ['cut'];
    await api().delete(sid);
    first = [leaving];
    await expect(api().delete(sid)).rejects.toMatchObject({ code: 'session_not_found' });
    await expect(api().delete(sid)).rejects.toMatchObject({ code: 'session_not_found' });
  });

  it('reject as unreachable where nobody listens', async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    await expect(api().list()).rejects.toMatchObject({ code: 'unreachable', retryable: true });
  });

  it('reject at their deadline', async () => {
    server.removeAllListeners('request');
    const impatient = new HttpApi({ url, deadlineMs: 50 });
    await expect(impatient.list()).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });
});
