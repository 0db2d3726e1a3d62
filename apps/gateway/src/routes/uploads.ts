// Uploading a file for a prompt: its bytes as the body, whatever type the client calls them. Who may is settled before
// the body is read.
import type { FastifyInstance } from 'fastify';
import type { Authenticator } from '../auth/identity.ts';
import type { SessionService } from '../sessions/session-service.ts';
import { UPLOAD_LIMITS } from '../sessions/uploads.ts';
import { requireCaller, sessionIdOf } from './request-context.ts';
import { ServiceError } from '@holdfast/shared/protocol';
import { z } from 'zod';

const Query = z.object({ name: z.string().trim().max(200).default('') });

export function addUploadRoute(
  app: FastifyInstance,
  { sessions, authenticator }: { readonly sessions: SessionService; readonly authenticator: Authenticator },
): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    const limits = { parseAs: 'buffer', bodyLimit: UPLOAD_LIMITS.fileBytes } as const;
    scope.addContentTypeParser('*', limits, (_request, body, parsed) => parsed(null, body));
    scope.post<{ Params: { id: string } }>('/v1/sessions/:id/blobs', {
      onRequest: async (request) => {
        const caller = await requireCaller(request, authenticator);
        await sessions.checkUploader(caller, sessionIdOf(request));
        if (Number(request.headers['content-length'] ?? 0) > UPLOAD_LIMITS.fileBytes) {
          throw new ServiceError('upload_too_large', { details: { maxBytes: UPLOAD_LIMITS.fileBytes } });
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
