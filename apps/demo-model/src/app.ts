// The demo model: a scripted Messages API for the real CLI, with no AI behind it. Never listens by itself.
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { z } from 'zod';
import { sendApiError } from './errors.ts';
import { addMessagesRoutes } from './messages-route.ts';
import { createRecentRequests } from './recent-requests.ts';

export interface DemoModelOptions {
  /** Gets failures only; nothing is logged for a request that was answered. */
  readonly logger?: FastifyBaseLogger;
}

// The real API's limit; larger calls get the same 413.
const bodyLimitBytes = 32 * 1024 * 1024;

/** The one key that is not accepted, to show what refused credentials look like. */
const refusedKey = 'refused';

/** Builds the server with all its routes. `close()` ends open answers at once. */
export function buildDemoModel(options: DemoModelOptions = {}): FastifyInstance {
  const app: FastifyInstance = fastify({
    ...(options.logger === undefined ? {} : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    forceCloseConnections: true,
  });
  const recent = createRecentRequests();
  app.addHook('onRequest', async (request, reply) => {
    if (!request.url.startsWith('/v1/')) return;
    const bearer = /^bearer\s+(.*)$/iu.exec(request.headers.authorization ?? '')?.[1];
    if (request.headers['x-api-key'] === refusedKey || bearer === refusedKey) await sendApiError(reply, 401);
  });
  app.setNotFoundHandler((_request, reply) => sendApiError(reply, 404));
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof z.ZodError) return sendApiError(reply, 400, z.prettifyError(error));
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return sendApiError(reply, 413);
    if (typeof code === 'string' && code.startsWith('FST_ERR_CTP'))
      return sendApiError(reply, 400, 'invalid body');
    request.log.error({ err: error }, 'the demo model failed to answer');
    return sendApiError(reply, 500);
  });
  app.get('/', (_request, reply) =>
    reply.send({ service: 'Holdfast demo model', docs: 'docs/DEMO_MODEL.md' }),
  );
  app.get('/healthz', (_request, reply) => reply.send({ status: 'ok' }));
  app.get('/demo/requests', (_request, reply) => reply.send(recent.list()));
  addMessagesRoutes(app, recent);
  return app;
}
