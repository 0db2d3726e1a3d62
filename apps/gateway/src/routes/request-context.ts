// What every HTTP request has: an id, an answer for every error, and, behind the token, a user.
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { errorCatalogue, mintId, ServiceError, SessionId, toWireError } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import { identityOfRequest } from '../auth/credentials.ts';
import type { Authenticator, Identity } from '../auth/identity.ts';
import { stored } from '../sessions/storage.ts';
import { requestError } from '../ws/parse-frame.ts';

export const newRequestId = (): string => mintId();

/** Fastify's own refusals, as errors of the catalogue. */
const FASTIFY_CODES: Readonly<Record<string, ServiceError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: new ServiceError('frame_too_large', {
    message: 'The body is larger than the service accepts.',
  }),
};

/** An empty body is no body, whatever content type a client sends along. */
export function addJsonBodies(app: FastifyInstance): void {
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? undefined : JSON.parse(body.toString()));
    } catch (error) {
      done(new ServiceError('bad_json', { cause: error }));
    }
  });
}

export function addErrorHandling(app: FastifyInstance, logger: Logger): void {
  app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id));
  app.setNotFoundHandler((request, reply) => sendError(request, reply, new ServiceError('not_found')));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = knownError(error);
    if (known.code === 'internal') logger.error({ err: error, requestId: request.id }, 'a request failed');
    return sendError(request, reply, known);
  });
}

function knownError(error: FastifyError): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof z.ZodError) return requestError(error);
  const known = FASTIFY_CODES[error.code];
  if (known !== undefined) return known;
  const isClientsFault = error.statusCode !== undefined && error.statusCode < 500;
  return new ServiceError(isClientsFault ? 'bad_request' : 'internal', { cause: error });
}

async function sendError(request: FastifyRequest, reply: FastifyReply, error: ServiceError): Promise<void> {
  const { retryAfterMs } = error.details;
  if (typeof retryAfterMs === 'number') reply.header('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  await reply
    .status(errorCatalogue[error.code].httpStatus)
    .send({ error: toWireError(error), requestId: request.id });
}

/**
 * Who sent a request. Throws `unauthenticated`, and `origin_refused` for a change that a browser sends with
 * the login cookie from another origin's page.
 */
export async function requireCaller(
  request: FastifyRequest,
  authenticator: Authenticator,
): Promise<Identity> {
  const identity = await stored(async () => identityOfRequest(request.headers, authenticator, request.ip));
  if (identity === undefined) throw new ServiceError('unauthenticated');
  return identity;
}

/** Like {@link requireCaller}, for pages that also work without a login. */
export async function visitorOf(
  request: FastifyRequest,
  authenticator: Authenticator,
): Promise<Identity | undefined> {
  if (authenticator.address.isForeignOrigin(request.headers)) return undefined;
  return stored(async () => identityOfRequest(request.headers, authenticator, request.ip));
}

/** The session id in the path; a text that is none is answered like any unknown session. */
export function sessionIdOf(request: FastifyRequest<{ Params: { id: string } }>): SessionId {
  const parsed = SessionId.safeParse(request.params.id);
  if (!parsed.success) throw new ServiceError('session_not_found');
  return parsed.data;
}
