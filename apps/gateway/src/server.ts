// The HTTP server below everything: what it accepts, how long a peer may take, and whether it speaks TLS.
import type { IncomingMessage } from 'node:http';
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { Logger } from '@holdfast/shared/runtime';
import { withoutBasePath } from './auth/public-address.ts';
import type { TlsFiles } from './auth/setup.ts';
import { newRequestId } from './routes/request-context.ts';

export interface ServerOptions {
  readonly logger: Logger;
  readonly maxBodyBytes: number;
  readonly tls: TlsFiles | undefined;
  readonly trustedProxies: readonly string[];
  /** In front of every address; a proxy may have taken it away already. */
  readonly basePath: string;
}

/** A peer that sends its headers, or its body, drop by drop holds a connection for no longer than this. */
const PATIENCE = { headersTimeout: 10_000, requestTimeout: 120_000, connectionsCheckingInterval: 2_000 };

export function createServer(options: ServerOptions): FastifyInstance {
  const { logger, tls, basePath } = options;
  const serverLogger: FastifyBaseLogger = logger.child({}, { level: 'warn' });
  const common = {
    loggerInstance: serverLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.maxBodyBytes,
    genReqId: newRequestId,
    requestIdHeader: false as const,
    forceCloseConnections: 'idle' as const,
    trustProxy: options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    rewriteUrl: ({ url }: IncomingMessage) => withoutBasePath(url ?? '/', basePath),
    requestTimeout: PATIENCE.requestTimeout,
  };
  if (tls === undefined) return fastify({ ...common, http: PATIENCE });
  // Its server differs in nothing that is used here but in speaking TLS.
  return fastify({ ...common, https: { ...tls, ...PATIENCE } }) as FastifyInstance;
}
