// Socket.IO as its documentation recommends it for this: WebSocket only, the Redis streams adapter without binary
// data, connection state recovery on.
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Server } from 'socket.io';
import { z } from 'zod';
import { createLogger } from '@holdfast/shared/runtime';
import { createSubscriberRedis } from '@holdfast/shared/store';
import { serve } from '../../rpc.ts';
import type { RedisPlace } from '../types.ts';

const handlers = {
  /** `?session=<n>` joins room `<n>` and hears `ready`. */
  listen: async ({ redis: place }: { readonly redis: RedisPlace }): Promise<{ readonly port: number }> => {
    const redis = createSubscriberRedis(place, createLogger({ part: 'socketio', level: 'warn' }), 'socketio');
    const server = createServer();
    const io = new Server(server, {
      transports: ['websocket'],
      // More a read than the default 100: better when saturated, and nothing worse.
      adapter: createAdapter(redis, { onlyPlaintext: true, readCount: 1_000 }),
      connectionStateRecovery: {},
    });
    io.on('connection', (socket) => {
      const session = z.string().regex(/^\d+$/).parse(socket.handshake.query['session']);
      void Promise.resolve(socket.join(session)).then(() => socket.emit('ready'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('not listening');
    return { port: address.port };
  },
};

serve(handlers);
