// Where the terminal client looks for address and token, and how it takes shortened ids.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sessionIdOf } from '../../../packages/client/test/support/fake-log.ts';
import { findAddress } from '../src/address.ts';
import { clientFilePath, writeClientFile } from '../src/client-file.ts';
import { matchSession } from '../src/session-id.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
});
afterEach(async () => rm(folder, { recursive: true }));

const token = 'token-0123456789abcdef';
async function leaveClientFile(dataDir: string, url: string): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  await writeClientFile(clientFilePath(dataDir), { url, token });
}

describe('the address', () => {
  it('is that of the environment, whatever files there are', async () => {
    await leaveClientFile(join(folder, '.holdfast'), 'http://127.0.0.1:1');
    const env = { HOLDFAST_URL: 'https://far.example/', HOLDFAST_TOKEN: 'other-token-012345678' };
    expect(await findAddress({ env, cwd: folder, checkout: folder })).toEqual({
      url: 'https://far.example',
      token: 'other-token-012345678',
      isLocal: false,
    });
  });

  it('is in the nearest client file from the current directory upward', async () => {
    const cwd = join(folder, 'a', 'b');
    await mkdir(cwd, { recursive: true });
    await leaveClientFile(join(folder, '.holdfast'), 'http://127.0.0.1:1');
    expect(await findAddress({ env: {}, cwd, checkout: '/nowhere' })).toMatchObject({
      url: 'http://127.0.0.1:1',
    });
    await leaveClientFile(join(folder, 'a', '.holdfast'), 'http://127.0.0.1:2');
    expect(await findAddress({ env: {}, cwd, checkout: '/nowhere' })).toMatchObject({
      url: 'http://127.0.0.1:2',
      isLocal: true,
    });
  });

  it('is in HOLDFAST_DATA_DIR where that is set, and in the checkout at last', async () => {
    await leaveClientFile(join(folder, 'data'), 'http://127.0.0.1:3');
    await leaveClientFile(join(folder, 'checkout', '.holdfast'), 'http://127.0.0.1:4');
    const checkout = join(folder, 'checkout');
    const named = { HOLDFAST_DATA_DIR: join(folder, 'data') };
    expect(await findAddress({ env: named, cwd: checkout, checkout })).toMatchObject({
      url: 'http://127.0.0.1:3',
    });
    expect(await findAddress({ env: {}, cwd: folder, checkout })).toMatchObject({
      url: 'http://127.0.0.1:4',
    });
  });
});

describe('a shortened session id', () => {
  const ids = [sessionIdOf(11), sessionIdOf(12), sessionIdOf(22)];
  it('is taken when only one session begins or ends so, in any case of letters', () => {
    expect(matchSession(ids, '11')).toBe(ids[0]);
    expect(matchSession([sessionIdOf(0)], 'S7F-01jd')).toBe(sessionIdOf(0));
  });

  it('is refused when several do, or none', () => {
    expect(() => matchSession(ids, '2')).toThrow('"2" fits 2 sessions');
    expect(() => matchSession(ids, '99')).toThrow('No session fits "99"');
  });
});
