// Serves the web client. Its files hold nothing of anybody, so they need no login; what it shows comes over the API.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '@holdfast/shared/protocol';
import type { PageFile, PageFiles } from './page-files.ts';

/** Only our own files run and load; styles set by scripts on elements (sizes, positions) need no exception. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const YEAR_S = 31_536_000;

/** Adds the page's files; `fallback` answers `/` where no page was built. */
export function addPageRoutes(
  app: FastifyInstance,
  {
    files,
    fallback,
  }: { files: PageFiles; fallback: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> },
): void {
  const send = async (request: FastifyRequest, reply: FastifyReply, path: string): Promise<FastifyReply> => {
    const file = await files.find(path);
    if (file === undefined) throw new ServiceError('not_found');
    return sendFile(request, reply, file);
  };
  app.get('/', async (request, reply) => {
    const index = await files.find('/');
    return index === undefined ? fallback(request, reply) : sendFile(request, reply, index);
  });
  app.get('/s/:id', async (request, reply) => send(request, reply, '/'));
  app.get('/assets/:name', async (request, reply) => send(request, reply, pathOf(request)));
  for (const name of [
    '/service-worker.js',
    '/manifest.webmanifest',
    '/icon.svg',
    '/icon-192.png',
    '/icon-512.png',
  ]) {
    app.get(name, async (request, reply) => send(request, reply, name));
  }
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/';
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  reply
    .header('cache-control', file.isImmutable ? `public, max-age=${YEAR_S}, immutable` : 'no-cache')
    .header('etag', file.etag)
    .header('vary', 'accept-encoding')
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('content-security-policy', POLICY);
  if (request.headers['if-none-match'] === file.etag) return reply.status(304).send();
  reply.type(file.type);
  const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  if (file.gzipped === undefined || !takesGzip) return reply.send(file.body);
  return reply.header('content-encoding', 'gzip').send(file.gzipped);
}
