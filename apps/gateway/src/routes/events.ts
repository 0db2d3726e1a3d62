// A session's events over SSE, for clients and proxies without WebSocket: same hub, same positions.
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ServiceError, tryParsePosition, type Position } from '@holdfast/shared/protocol';
import type { AccessWatch } from '../access/access-watch.ts';
import type { Authenticator } from '../auth/identity.ts';
import { metrics } from '@holdfast/shared/runtime';
import { Follower, type FollowerDeps } from '../feed/follower.ts';
import { SseSink } from '../feed/sse.ts';
import type { SessionService } from '../sessions/session-service.ts';
import { requireCaller, sessionIdOf } from './request-context.ts';

/** Proxies close streams that are silent for a minute or so. */
const COMMENT_EVERY_MS = 15_000;
/** How soon a browser reconnects by itself. */
const RETRY_MS = 1_000;

export interface EventsRouteDeps {
  readonly sessions: SessionService;
  readonly authenticator: Authenticator;
  readonly follower: FollowerDeps;
  readonly access: AccessWatch;
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
  const open = new Map<ServerResponse, Follower>();
  let isClosing = false;
  const timer = setInterval(() => {
    for (const response of open.keys()) response.write(': still here\n\n');
  }, COMMENT_EVERY_MS);
  timer.unref();
  const end = (response: ServerResponse, follower: Follower): void => {
    if (open.delete(response)) metrics.connections.dec({ kind: 'sse' });
    follower.close();
    response.end();
  };
  app.get<Input>('/v1/sessions/:id/events', async (request, reply) => {
    if (isClosing) throw new ServiceError('going_away');
    const caller = await requireCaller(request, deps.authenticator);
    const sessionId = sessionIdOf(request);
    const position = positionOf(request);
    const response = reply.raw;
    const sink = new SseSink(response, () => end(response, follower));
    const follower: Follower = new Follower(deps.follower, { sessionId, position, sink });
    // From now on, since a reader may go away before it was answered.
    response.once('close', () => end(response, follower));
    const role = await deps.sessions.checkReader(caller, sessionId);
    const stop = (): void => end(response, follower);
    response.once('close', deps.access.onLoginEnd(caller, stop));
    response.once('close', deps.access.onRoleEnd({ identity: caller, sessionId, role }, stop));
    await follower.start(null, () => {
      reply.hijack();
      open.set(response, follower);
      metrics.connections.inc({ kind: 'sse' });
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-request-id': request.id,
      });
      response.write(`retry: ${RETRY_MS}\n\n`);
    });
  });
  return {
    closeAll: () => {
      isClosing = true;
      clearInterval(timer);
      for (const [response, follower] of open) end(response, follower);
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
