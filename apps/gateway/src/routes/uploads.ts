// Uploading a file for a prompt: its bytes as the body, whatever type the client calls them. Who may is settled before
// the body is read.
import type { FastifyInstance } from 'fastify';
import { ServiceError } from '@holdfast/shared/protocol';
import { z } from 'zod';
import type { Authenticator } from '../auth/identity.ts';
import type { SessionService } from '../sessions/session-service.ts';
import { requireCaller, sessionIdOf } from './request-context.ts';

const Query = z.object({ name: z.string().trim().max(200).default('') });

export function addUploadRoute(
  app: FastifyInstance,
  { sessions, authenticator }: { readonly sessions: SessionService; readonly authenticator: Authenticator },
): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    const maxBytes = sessions.maxUploadBytes;
    const limits = { parseAs: 'buffer', bodyLimit: maxBytes } as const;
    scope.addContentTypeParser('*', limits, (_request, body, parsed) => parsed(null, body));
    scope.post<{ Params: { id: string } }>('/v1/sessions/:id/blobs', {
      onRequest: async (request) => {
        const caller = await requireCaller(request, authenticator);
        await sessions.checkUploader(caller, sessionIdOf(request));
        if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
          throw new ServiceError('upload_too_large', { details: { maxBytes } });
        }
      },
      handler: async (request, reply) => {
        const { name } = Query.parse(request.query);
        const data = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        return reply.status(201).send(await sessions.upload(sessionIdOf(request), { name, data }));
      },
    });
    done();
  });
}
