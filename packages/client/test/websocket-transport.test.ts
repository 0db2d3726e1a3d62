// The transport over both WebSockets it is used with: that of `ws`, and the global one as browsers have it.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer, type WebSocket as ServerSocket } from 'ws';
import { PlatformWebSocket as browserWebSocket } from '../src/websocket-browser.ts';
import { PlatformWebSocket as nodeWebSocket } from '../src/websocket-node.ts';
import { createWebSocketTransport } from '../src/websocket-transport.ts';
import { until } from '../../../test/support/until.ts';

let server: WebSocketServer;
let url: string;
let sockets: ServerSocket[];
beforeEach(async () => {
  sockets = [];
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => sockets.push(socket));
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`; // a TCP server has an AddressInfo
});
afterEach(() => {
  for (const socket of sockets) socket.terminate();
  server.close();
});

function record(): {
  log: string[];
  handlers: Parameters<ReturnType<typeof createWebSocketTransport>['open']>[1];
} {
  const log: string[] = [];
  const handlers = {
    onOpen: () => log.push('open'),
    onText: (text: string) => log.push(`text ${text}`),
    onClose: (code: number) => log.push(`close ${code}`),
  };
  return { log, handlers };
}

describe.each([
  ['ws', nodeWebSocket],
  ['the global WebSocket', browserWebSocket],
])('the transport over %s', (_name, WebSocketClass) => {
  it('opens with the subprotocol, carries text both ways, and tells the close code', async () => {
    const { log, handlers } = record();
    const transport = createWebSocketTransport(WebSocketClass);
    transport.open(url, handlers);
    const peer = await until(() => (log.includes('open') ? sockets[0] : undefined), { what: 'open' });
    expect(peer.protocol).toBe('holdfast.v1');
    transport.send('hello');
    const [received] = (await once(peer, 'message')) as [Buffer]; // ws gives one Buffer for a text frame
    peer.send('welcome');
    peer.send(Buffer.from('binary is passed over'));
    await until(() => log.length >= 2, { what: 'text' });
    peer.close(4401);
    await until(() => log.length >= 3, { what: 'close' });
    expect(received.toString('utf8')).toBe('hello');
    expect(log).toEqual(['open', 'text welcome', 'close 4401']);
  });

  it('tells 1006 once when nobody listens', async () => {
    const { log, handlers } = record();
    createWebSocketTransport(WebSocketClass).open('ws://127.0.0.1:1', handlers);
    await until(() => log.length > 0, { what: 'close' });
    expect(log).toEqual(['close 1006']);
  });

  it('is silent after its own close, and the peer sees the code', async () => {
    const { log, handlers } = record();
    const transport = createWebSocketTransport(WebSocketClass);
    transport.open(url, handlers);
    const peer = await until(() => (log.includes('open') ? sockets[0] : undefined), { what: 'open' });
    transport.close(4009);
    peer.send('too late');
    const [code] = (await once(peer, 'close')) as [number]; // the first argument of ws's close event
    transport.send('into the void');
    expect(code).toBe(4009);
    expect(log).toEqual(['open']);
  });

  it('can be closed while it opens', async () => {
    const { log, handlers } = record();
    const transport = createWebSocketTransport(WebSocketClass);
    transport.open(url, handlers);
    transport.close();
    await until(() => sockets.every((socket) => socket.readyState === 3), { what: 'peer gone' });
    expect(log).toEqual([]);
  });
});

it('cuts a socket of `ws` whose peer does not answer the closing handshake', async () => {
  const { log, handlers } = record();
  const transport = createWebSocketTransport(nodeWebSocket);
  transport.open(url, handlers);
  const peer = await until(() => (log.includes('open') ? sockets[0] : undefined), { what: 'open' });
  peer.pause();
  const before = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  transport.close();
  await until(
    () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length < before,
    { what: 'socket gone' },
  );
});
