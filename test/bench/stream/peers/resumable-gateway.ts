// resumable-stream's receiving side, as its documentation shows it: each client's stream as an SSE response.
import { createServer, type ServerResponse } from 'node:http';
import { createResumableStreamContext } from 'resumable-stream/ioredis';
import { createLogger } from '@holdfast/shared/runtime';
import { createCommandRedis, createSubscriberRedis } from '@holdfast/shared/store';
import { serve } from '../../rpc.ts';
import type { RedisPlace } from '../types.ts';

/** Each piece of the stream is a `data:` line. */
async function follow(stream: ReadableStream<string>, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  const reader = stream.getReader();
  response.on('close', () => void reader.cancel());
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    response.write(`data: ${value}\n\n`);
  }
  response.end();
}

const handlers = {
  /** `/streams/<n>` follows stream `<n>`. */
  listen: async ({ redis: place }: { readonly redis: RedisPlace }): Promise<{ readonly port: number }> => {
    const logger = createLogger({ part: 'resumable', level: 'warn' });
    const context = createResumableStreamContext({
      waitUntil: null,
      publisher: createCommandRedis(place, logger, 'resumable'),
      subscriber: createSubscriberRedis(place, logger, 'resumable-sub'),
    });
    const server = createServer((request, response) => {
      const id = (request.url ?? '').replace('/streams/', '');
      context
        .resumeExistingStream(id)
        .then(async (stream) => {
          if (stream instanceof ReadableStream) return follow(stream, response);
          response.writeHead(404).end();
          return undefined;
        })
        .catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('not listening');
    return { port: address.port };
  },
};

serve(handlers);
