// How a client speaks to each lane's gateway: what it asks for, what it answers, and when it is live.
import { PROTOCOL_VERSION, WEBSOCKET_SUBPROTOCOL } from '@holdfast/shared/protocol';
import { TEST_TOKEN } from '../../support/processes.ts';
import type { Lane } from './types.ts';

/** Where a client stands in a session; kept over connections. */
export interface ClientSession {
  readonly id: string;
  epoch: string;
  offset: number;
  /** The number of the last event. */
  number: number;
  /** How often it was told to start over from a snapshot. */
  resets: number;
}

/** What a text from the gateway means, besides the marks in it. */
export type Heard = 'live' | 'refused' | 'other' | { readonly reply: string };

export interface Dialect {
  /** What the connection is after its head: a WebSocket, or one long response of server-sent events. */
  readonly transport: 'websocket' | 'sse';
  readonly path: (session: ClientSession) => string;
  readonly headers: Readonly<Record<string, string>>;
  /** What is sent as soon as the connection is a WebSocket. */
  readonly greeting: (session: ClientSession) => readonly string[];
  /** Notes in `session` what the text tells of its place. */
  readonly hear: (text: string, session: ClientSession) => Heard;
}

const holdfast: Dialect = {
  transport: 'websocket',
  path: () => '/v1/ws',
  headers: { 'Sec-WebSocket-Protocol': WEBSOCKET_SUBPROTOCOL },
  greeting: ({ id, epoch, offset }) => [
    JSON.stringify({ type: 'hello', version: PROTOCOL_VERSION, token: TEST_TOKEN, client: 'bench' }),
    JSON.stringify({ type: 'attach', requestId: 'a', sessionId: id, position: { epoch, offset } }),
  ],
  hear: (text, session) => {
    if (text.startsWith('{"type":"events"')) {
      session.offset = lastOffset(text);
      return 'other';
    }
    if (text.startsWith('{"type":"caughtUp"')) return 'live';
    if (text.startsWith('{"type":"reset"')) session.resets += 1;
    return text.startsWith('{"type":"error"') ? 'refused' : 'other';
  },
};

/** The last offset that a frame of events covers. */
function lastOffset(text: string): number {
  const offset = numberAfter(text, '"offset":', text.lastIndexOf('"offset":'));
  const upTo = text.lastIndexOf('"upTo":');
  return upTo === -1 ? offset : Math.max(offset, numberAfter(text, '"upTo":', upTo));
}

function numberAfter(text: string, name: string, at: number): number {
  return Number.parseInt(text.slice(at + name.length, at + name.length + 16), 10);
}

const limit: Dialect = {
  transport: 'websocket',
  path: ({ id }) => `/live/${id}`,
  headers: {},
  greeting: () => [],
  hear: (text) => (text === 'ready' ? 'live' : 'other'),
};

/** Engine.IO 4 over a WebSocket: `0` open, `2` ping, `3` pong; Socket.IO 5 in it: `40` connect, `42` event. */
const socketio: Dialect = {
  transport: 'websocket',
  path: ({ id }) => `/socket.io/?EIO=4&transport=websocket&session=${id}`,
  headers: {},
  greeting: () => [],
  hear: (text) => {
    if (text.startsWith('0{')) return { reply: '40' };
    if (text === '2') return { reply: '3' };
    if (text.startsWith('42["ready"')) return 'live';
    return text.startsWith('44') ? 'refused' : 'other';
  },
};

const resumable: Dialect = {
  transport: 'sse',
  path: ({ id }) => `/streams/${id}`,
  headers: {},
  greeting: () => [],
  // What was sent so far comes first, also when it is nothing.
  hear: () => 'live',
};

export function dialectOf(lane: Lane): Dialect {
  switch (lane) {
    case 'holdfast':
      return holdfast;
    case 'limit':
      return limit;
    case 'socketio':
      return socketio;
    case 'resumable':
      return resumable;
  }
}
