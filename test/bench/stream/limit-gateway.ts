// The limit line's gateway: ws and pub/sub, and nothing else. What a durable, resumable gateway is measured against.
import { createServer } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { createLogger } from '@holdfast/shared/runtime';
import { createSubscriberRedis } from '@holdfast/shared/store';
import { serve } from '../rpc.ts';
import type { RedisPlace } from './types.ts';

const AS_TEXT = { binary: false };

const handlers = {
  /** `/live/<n>` follows channel `limit:<n>` and says `ready`; any other path is just a WebSocket. */
  listen: async ({ redis: place }: { readonly redis: RedisPlace }): Promise<{ readonly port: number }> => {
    const redis = createSubscriberRedis(place, createLogger({ part: 'limit', level: 'warn' }), 'bench-limit');
    const sockets = new Map<string, Set<WebSocket>>();
    redis.on('messageBuffer', (channel: Buffer, body: Buffer) => {
      for (const socket of sockets.get(channel.toString('latin1')) ?? []) socket.send(body, AS_TEXT);
    });
    const server = createServer();
    const webSockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
    webSockets.on('connection', (socket, request) => {
      socket.on('error', () => undefined);
      const session = /^\/live\/(\d+)$/.exec(request.url ?? '')?.[1];
      if (session === undefined) return;
      const channel = `limit:${session}`;
      const followers = sockets.get(channel) ?? new Set();
      sockets.set(channel, followers.add(socket));
      socket.on('close', () => followers.delete(socket));
      void redis.subscribe(channel).then(() => socket.send('ready'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('not listening');
    return { port: address.port };
  },
};

export type LimitGatewayApi = typeof handlers;
serve(handlers);
