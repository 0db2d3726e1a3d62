// A session's events over SSE, for clients and proxies without WebSocket: same hub, same positions.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError, tryParsePosition, type Position } from '@holdfast/shared/protocol';
import type { Authenticator } from '../auth/token.ts';
import { Follower, type FollowerDeps } from '../feed/follower.ts';
import { SseSink } from '../feed/sse.ts';
import type { SessionService } from '../sessions/session-service.ts';
import { requireUser, sessionIdOf } from './request-context.ts';

/** Proxies close streams that are silent for a minute or so. */
const COMMENT_EVERY_MS = 15_000;
/** How soon a browser reconnects by itself. */
const RETRY_MS = 1_000;

export interface EventsRouteDeps {
  readonly sessions: SessionService;
  readonly authenticator: Authenticator;
  readonly follower: FollowerDeps;
}

interface Input {
  Params: { id: string };
  Querystring: { after?: string };
}

export interface SseStreams {
  /** Ends every open stream; clients reconnect with the id they saw last. */
  closeAll(): void;
}

export function addEventsRoute(app: FastifyInstance, deps: EventsRouteDeps): SseStreams {
  const open = new Set<FastifyReply>();
  let isClosing = false;
  const timer = setInterval(() => {
    for (const reply of open) reply.raw.write(': still here\n\n');
  }, COMMENT_EVERY_MS);
  timer.unref();
  app.get<Input>('/v1/sessions/:id/events', async (request, reply) => {
    if (isClosing) throw new ServiceError('going_away');
    const userId = requireUser(request, deps.authenticator);
    const sessionId = sessionIdOf(request);
    const position = positionOf(request);
    await deps.sessions.checkReader(userId, sessionId);
    const sink = new SseSink(reply.raw, () => reply.raw.end());
    const follower = new Follower(deps.follower, { sessionId, position, sink });
    reply.raw.once('close', () => {
      open.delete(reply);
      follower.close();
    });
    await follower.start(userId, () => {
      reply.hijack();
      open.add(reply);
      reply.raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-request-id': request.id,
      });
      reply.raw.write(`retry: ${RETRY_MS}\n\n`);
    });
  });
  return {
    closeAll: () => {
      isClosing = true;
      clearInterval(timer);
      for (const reply of open) reply.raw.end();
    },
  };
}

/** `Last-Event-ID` is what a reconnecting browser sends, so it is newer than the `after` of the address. */
function positionOf(request: FastifyRequest<Input>): Position | null {
  const header = request.headers['last-event-id'];
  const text = typeof header === 'string' && header !== '' ? header : request.query.after;
  if (text === undefined) return null;
  const position = tryParsePosition(text);
  if (position === undefined) throw new ServiceError('bad_position');
  return position;
}
