import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { textFrame } from '../../src/ws/text-frame.ts';

// A real client decides whether a frame is right.
const server = createServer();
const webSockets = new WebSocketServer({ noServer: true });
let received: WebSocket;
let write: (frame: Buffer) => void;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.on('upgrade', (request, socket, head) =>
    webSockets.handleUpgrade(request, socket, head, () => (write = (frame) => socket.write(frame))),
  );
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  received = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(received, 'open');
});
afterAll(() => {
  received.terminate();
  server.close();
});

it.each([0, 1, 125, 126, 65_535, 65_536, 200_000])(
  'a client reads a text of %d bytes as it was written, from several parts',
  async (length) => {
    const text = 'é'.repeat(Math.floor(length / 2)) + 'x'.repeat(length % 2);
    const bytes = Buffer.from(text);
    const cut = Math.floor(length / 3);
    const message = once(received, 'message');
    write(textFrame([bytes.subarray(0, cut), bytes.subarray(cut)]));
    const [data, isBinary] = await message;
    expect(isBinary).toBe(false);
    expect(String(data)).toBe(text);
  },
);
