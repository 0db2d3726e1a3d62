import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fastify, type FastifyInstance } from 'fastify';
import { createPageFiles } from '../../src/page/page-files.ts';
import { addPageRoutes } from '../../src/page/page-routes.ts';

let folder: string;
let app: FastifyInstance;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-page-'));
  app = fastify();
  addPageRoutes(app, {
    files: createPageFiles(folder),
    fallback: async (_request, reply) => reply.send('no page yet'),
  });
});
afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

async function build(mark: string): Promise<void> {
  await mkdir(join(folder, 'assets'), { recursive: true });
  await writeFile(join(folder, 'assets/app-1.js'), `// ${mark} ${'x'.repeat(2000)}`);
  await writeFile(join(folder, 'secret.txt'), 'not of the page');
  await writeFile(join(folder, 'index.html'), `<p>${mark}</p>`);
}

describe('the page', () => {
  it('is served with a policy that runs our own files only, at its root and at a session', async () => {
    await build('one');
    for (const url of ['/', '/s/s7f-01JD5W3W8Y5Q3T2E0V9A6B4C2D']) {
      const answer = await app.inject({ url });
      expect([answer.statusCode, answer.body]).toEqual([200, '<p>one</p>']);
      expect(answer.headers['cache-control']).toBe('no-cache');
      const policy = String(answer.headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toContain('unsafe');
    }
  });

  it('is not sent again to a browser that has it', async () => {
    await build('one');
    const { headers } = await app.inject({ url: '/' });
    const again = await app.inject({ url: '/', headers: { 'if-none-match': String(headers['etag']) } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  it('has hashed files that are kept for a year, compressed for who takes that', async () => {
    await build('one');
    const plain = await app.inject({ url: '/assets/app-1.js' });
    const small = await app.inject({ url: '/assets/app-1.js', headers: { 'accept-encoding': 'br, gzip' } });
    expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(small.headers['content-encoding']).toBe('gzip');
    expect(small.rawPayload.length).toBeLessThan(plain.rawPayload.length / 10);
  });

  it('serves no file but its own, whatever the path', async () => {
    await build('one');
    for (const url of [
      '/secret.txt',
      '/assets/../secret.txt',
      '/assets/%2e%2e%2fsecret.txt',
      '/assets/none.js',
    ]) {
      expect((await app.inject({ url })).statusCode).not.toBe(200);
    }
  });

  it('may come, and be built anew, while the gateway runs', async () => {
    expect((await app.inject({ url: '/' })).body).toBe('no page yet');
    await build('one');
    expect((await app.inject({ url: '/' })).body).toBe('<p>one</p>');
    await build('two');
    await utimes(join(folder, 'index.html'), new Date(), new Date(Date.now() + 5_000));
    expect((await app.inject({ url: '/' })).body).toBe('<p>two</p>');
    expect((await app.inject({ url: '/assets/app-1.js' })).body).toContain('two');
  });
});
