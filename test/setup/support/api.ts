// The few requests that the set-up tests make of a running gateway; `link` is the login link that `up` prints.
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { z } from 'zod';

const Created = z.object({ sessionId: z.string() });

export async function createSession(link: URL, settings: object = {}): Promise<string> {
  const body = { createId: randomUUID(), settings };
  return Created.parse(await request(link, '/v1/sessions', body)).sessionId;
}

export async function sendPrompt(link: URL, sessionId: string, text: string): Promise<void> {
  const body = { promptId: randomUUID(), content: [{ type: 'text', text }] };
  await request(link, `/v1/sessions/${sessionId}/prompts`, body);
}

/** The list as text: enough to see whether a session is in it. */
export async function listSessions(link: URL): Promise<string> {
  return JSON.stringify(await request(link, '/v1/sessions'));
}

/** True when something accepts connections at the address. */
export function isListening(url: URL): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(Number(url.port), url.hostname);
  socket.on('connect', () => resolve(true));
  socket.on('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}

async function request(link: URL, path: string, body?: object): Promise<unknown> {
  const response = await fetch(new URL(path, link), {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${link.searchParams.get('token')}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
