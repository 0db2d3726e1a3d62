import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientFilePath, dataDirectory, findClientAddress, writeClientFile } from '../src/client-file.ts';

const saved = { url: 'http://127.0.0.1:8787', token: 'a-token-of-some-length' };
let dir: string;

beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'hf-client-file-'))));
afterEach(() => rm(dir, { recursive: true }));

describe('the client file', () => {
  it('is readable by its owner only, also when it replaces a file that was not, and leaves no draft', async () => {
    const path = clientFilePath(dir);
    await writeFile(path, '{}', { mode: 0o644 });
    await writeClientFile(path, saved);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual(['client.json']);
  });

  it('gives back the address and the token that were written', async () => {
    await writeClientFile(clientFilePath(dir), saved);
    expect(await findClientAddress({}, dir)).toEqual({ status: 'found', ...saved });
  });

  it('each of HOLDFAST_URL and HOLDFAST_TOKEN wins over the file by itself', async () => {
    await writeClientFile(clientFilePath(dir), saved);
    expect(await findClientAddress({ HOLDFAST_URL: 'https://other.example/' }, dir)).toEqual({
      status: 'found',
      url: 'https://other.example',
      token: saved.token,
    });
    expect(await findClientAddress({ HOLDFAST_TOKEN: 'another-token-entirely' }, dir)).toMatchObject({
      url: saved.url,
      token: 'another-token-entirely',
    });
  });

  it('needs no file when both variables are set', async () => {
    const env = { HOLDFAST_URL: saved.url, HOLDFAST_TOKEN: saved.token };
    expect(await findClientAddress(env, join(dir, 'nowhere'))).toEqual({ status: 'found', ...saved });
  });

  it('that is missing or damaged is reported with the way to get one', async () => {
    expect(await findClientAddress({}, dir)).toMatchObject({
      status: 'absent',
      problem: expect.stringContaining('npm run up'),
    });
    await writeFile(clientFilePath(dir), '{"url": "http://127.0.0.1:1"');
    expect(await findClientAddress({}, dir)).toMatchObject({
      status: 'invalid',
      problem: expect.stringContaining('delete it'),
    });
  });

  it('lives in HOLDFAST_DATA_DIR, or in .holdfast of the checkout', () => {
    expect(dataDirectory({}, '/srv/checkout')).toBe('/srv/checkout/.holdfast');
    expect(dataDirectory({ HOLDFAST_DATA_DIR: '/data' }, '/srv/checkout')).toBe('/data');
  });
});
