// What the benchmarks say of lost and repeated events is worth something only if they see them.
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { textFrame } from '../../../apps/gateway/src/ws/text-frame.ts';
import { Group } from '../stream/group.ts';
import { markedText, nowUs, scanMarks } from '../stream/token.ts';
import { FrameReader } from '../stream/ws-frames.ts';

let server: WebSocketServer;
let sockets: WebSocket[];

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.send('ready');
  });
});
beforeEach(() => (sockets = []));
afterAll(() => server.close());

function target() {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  return { port: address.port, localAddress: '127.0.0.1' };
}

async function openGroup(count = 1): Promise<Group> {
  const sessions = Array.from({ length: count }, (_, index) => ({
    id: String(index),
    epoch: '',
    offset: 0,
    count: 10,
  }));
  const group = new Group({ lane: 'limit', target: target(), sessions }, () => undefined);
  await group.connect(4);
  group.begin();
  return group;
}

const event = (number: number): string => JSON.stringify({ text: markedText(nowUs(), number, 40) });

it('each event counts once, and how long it took', async () => {
  const group = await openGroup();
  sockets[0]?.send(`[${event(11)},${event(12)}]`);
  sockets[0]?.send(event(13));
  const stats = await group.settle(3, 2_000);
  expect(stats).toMatchObject({ received: 3, duplicated: 0, skipped: 0 });
  expect(stats.p50Ms).toBeGreaterThan(0);
  expect(stats.p50Ms).toBeLessThan(2_000);
  group.close();
});

it('an event that comes again is a repeat, one that is passed over is missing', async () => {
  const group = await openGroup();
  for (const number of [11, 11, 10, 14]) sockets[0]?.send(event(number));
  const stats = await group.settle(4, 300);
  expect(stats).toMatchObject({ received: 2, duplicated: 2, skipped: 2 });
  group.close();
});

it('an event that never comes is missing when the time is over', async () => {
  const group = await openGroup(2);
  sockets[0]?.send(event(11));
  const stats = await group.settle(2, 200);
  expect(stats.received).toBe(1);
  group.close();
});

it('a connection that is lost unexpectedly fails the run', async () => {
  const group = await openGroup();
  sockets[0]?.terminate();
  await expect(group.settle(1, 300)).rejects.toThrow('a connection was lost');
});

it('clients that lose their connections come back and count on from where they were', async () => {
  const group = await openGroup(3);
  for (const socket of sockets) socket.send(event(11));
  await group.settle(3, 2_000);
  const before = [...sockets];
  group.lose('cut', { port: target().port, withinMs: 10 });
  while (sockets.length < before.length * 2) await once(server, 'connection');
  for (const socket of sockets.slice(before.length)) {
    socket.send(event(11));
    socket.send(event(12));
  }
  const stats = await group.settle(6, 2_000);
  expect(stats).toMatchObject({ received: 6, duplicated: 3, skipped: 0 });
  group.close();
});

it('marks are found wherever they stand; one that is cut off is not taken', () => {
  const seen: number[][] = [];
  scanMarks('x@12#3.yy@45#6.@7', (madeUs, number) => seen.push([madeUs, number]));
  expect(seen).toEqual([
    [12, 3],
    [45, 6],
  ]);
});

it.each([
  { texts: ['a', 'b'.repeat(200), ''], size: 1 },
  { texts: ['a', 'b'.repeat(200), ''], size: 7 },
  { texts: ['a', 'c'.repeat(70_000), 'd'], size: 5_000 },
  { texts: ['a', 'c'.repeat(70_000), 'd'], size: 100_000 },
])('frames are read whole when they come in pieces of $size bytes', ({ texts, size }) => {
  const bytes = Buffer.concat(texts.map((text) => textFrame([Buffer.from(text)])));
  const reader = new FrameReader();
  const seen: string[] = [];
  const on = { onText: (text: string) => seen.push(text), onPing: () => undefined, onClose: () => undefined };
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size), on);
  expect(seen).toEqual(texts);
});
