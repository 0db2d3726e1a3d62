// Serves the metrics on a port of its own, so that what is public and what is for operators stay apart.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { measureProcess, renderMetrics } from './metrics.ts';

export interface MetricsServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Listens on `port` (0: any free one). `GET /metrics` is all there is. Rejects when the port is taken. */
export async function serveMetrics(options: {
  readonly part: string;
  readonly host: string;
  readonly port: number;
}): Promise<MetricsServer> {
  measureProcess(options.part);
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Metrics are at /metrics.\n');
      return;
    }
    renderMetrics().then(
      ({ contentType, text }) => response.writeHead(200, { 'content-type': contentType }).end(text),
      (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`),
    );
  });
  server.requestTimeout = 10_000;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(options.port, options.host, resolve);
  await promise;
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  return {
    port,
    close: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}
