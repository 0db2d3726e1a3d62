// Errors in the shape of the Messages API.
import type { FastifyReply } from 'fastify';
import { errorTypes, type ErrorStatus } from './grammar.ts';

const defaultMessages: Record<ErrorStatus, string> = {
  400: 'The demo model was told to refuse this request.',
  401: 'invalid x-api-key',
  403: 'Your API key does not have permission to use the specified resource.',
  404: 'Not found',
  413: 'Request exceeds the maximum size',
  429: 'This request would exceed the rate limit.',
  500: 'Internal server error',
  529: 'Overloaded',
};

/** Answers with one of the API's errors. */
export function sendApiError(reply: FastifyReply, status: ErrorStatus, message?: string): FastifyReply {
  return reply
    .code(status)
    .header('request-id', newRequestId())
    .send({
      type: 'error',
      error: { type: errorTypes[status], message: message ?? defaultMessages[status] },
    });
}

export const newRequestId = (): string => `req_demo_${crypto.randomUUID().replaceAll('-', '')}`;
