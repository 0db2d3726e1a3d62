import { access, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRedis } from '../support/redis.ts';
import { createSession } from './support/api.ts';
import { createHome, type UpHome, type UpProcess } from './support/holdfast.ts';
import { endCommands } from './support/run.ts';

describe('npm run up [K-02]', () => {
  let home: UpHome;
  let up: UpProcess;
  let link: URL;

  beforeAll(async () => {
    home = await createHome();
    up = home.start();
    link = await up.ready();
  });
  afterAll(async () => {
    endCommands();
    await home[Symbol.asyncDispose]();
  });

  it('says one line per part, how long it took, which model answers and how to change it', async () => {
    expect(up.output()).toMatch(/ready in \d+\.\d s/);
    for (const part of ['redis', 'gateway', 'worker-1', 'worker-2', 'demo-model']) {
      expect(up.output().match(new RegExp(`^holdfast: ${part} +ready`, 'gm'))).toHaveLength(1);
    }
    expect(up.output()).toMatch(/the demo model .* because no credentials are set; to change it, set ANTH/);
    expect((await fetch(new URL('/readyz', link))).status).toBe(200);
  });

  it('leaves the address and the token for the client commands, for nobody else to read', async () => {
    const client = join(home.dataDir, 'client.json');
    expect(JSON.parse(await readFile(client, 'utf8'))).toEqual({
      url: link.origin,
      token: link.searchParams.get('token'),
    });
    expect((await stat(client)).mode & 0o777).toBe(0o600);
    expect((await stat(home.dataDir)).mode & 0o777).toBe(0o700);
  });

  it('runs its Redis without a TCP port, on a socket for its owner, with a password on no command line', async () => {
    expect((await stat(join(home.dataDir, 'redis/redis.sock'))).mode & 0o777).toBe(0o600);
    const password = (await readFile(join(home.dataDir, 'redis/password'), 'utf8')).trim();
    expect(password).toMatch(/^[0-9a-f]{64}$/);
    expect((await home.processes()).join('\n')).not.toContain(password);
    expect(await tcpSockets(await up.partPid('redis'))).toEqual([]);
    expect(await tcpSockets(await up.partPid('gateway'))).not.toEqual([]);
  });

  it('started again while it runs prints the address and the link, and ends with code 0', async () => {
    const second = await home.start().ended;
    expect(second.exitCode).toBe(0);
    expect(second.stdout).toContain(`already running here (pid ${await up.pid()}) at ${link.origin}`);
    expect(second.stdout).toContain(link.href);
  });

  it('says what it does and every setting with --help', async () => {
    const ran = await home.start({ command: ['npm', 'run', '--silent', 'up', '--', '--help'] }).ended;
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toMatch(/^Usage: npm run up/);
    expect(ran.stdout).toContain('HOLDFAST_PORT');
  });
});

describe('a start of up [K-02]', () => {
  let home: UpHome;
  beforeEach(async () => void (home = await createHome()));
  afterEach(async () => {
    endCommands();
    await home[Symbol.asyncDispose]();
  });

  it('with credentials starts no demo model and says so; they reach the workers only', async () => {
    const up = home.start({ env: { ANTHROPIC_API_KEY: 'sk-ant-not-a-real-key' } });
    await up.ready();
    expect(up.output()).toMatch(/the real model answers, because ANTHROPIC_API_KEY is set/);
    expect(up.output()).not.toContain('demo-model');
    expect(up.output()).not.toContain('sk-ant-not-a-real-key');
    const environment = async (part: string): Promise<string> =>
      readFile(`/proc/${await up.partPid(part)}/environ`, 'utf8');
    expect(await environment('worker-1')).toContain('sk-ant-not-a-real-key');
    expect(await environment('gateway')).not.toContain('sk-ant-not-a-real-key');
    expect(await environment('redis')).not.toContain('sk-ant-not-a-real-key');
  });

  it('uses the Redis of REDIS_URL, starts none, and leaves it running when it stops', async () => {
    await using redis = await startRedis(['--maxmemory-policy', 'allkeys-lru']);
    const { url, password } = redis.address;
    const up = home.start({ env: { REDIS_URL: url, HOLDFAST_REDIS_PASSWORD: password } });
    const link = await up.ready();
    expect(up.output()).toContain(`from REDIS_URL (${url})`);
    expect(up.output()).toMatch(/maxmemory-policy allkeys-lru: set it to noeviction/);
    expect(await readdir(join(home.dataDir, 'redis'))).toEqual([]);
    await createSession(link);
    up.child.kill('SIGTERM');
    expect((await up.ended).exitCode).toBe(0);
    expect(redis.process().exitCode).toBeNull();
  });

  it('HOLDFAST_MODEL=real without credentials starts with a warning', async () => {
    const up = home.start({ env: { HOLDFAST_MODEL: 'real' } });
    await up.ready();
    expect(up.output()).toMatch(/No credentials are set for the real model: set ANTHROPIC_API_KEY/);
  });

  it('started again while it is still starting waits for the address', async () => {
    const first = home.start();
    const second = home.start();
    const link = await Promise.any([first.ready(), second.ready()]);
    const ended = await Promise.race([first.ended, second.ended]);
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).toMatch(/already running here/);
    expect(ended.stdout).toContain(link.href);
  });

  it('works in a folder whose path is too long for a socket, and leaves nothing elsewhere', async () => {
    await using long = await createHome({ name: `${'a-long-folder-name/'.repeat(6)}data` });
    const up = long.start();
    await up.ready();
    const { folders } = JSON.parse(await readFile(join(long.dataDir, 'processes.json'), 'utf8'));
    await access(join(folders[0], 'redis.sock'));
    up.child.kill('SIGTERM');
    await up.ended;
    await expect(access(folders[0])).rejects.toThrow('ENOENT');
  });
});

/** The lines of /proc/net/tcp that belong to the process. */
async function tcpSockets(pid: number): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(
    descriptors.map((descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')),
  );
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')),
  );
  return tables
    .flatMap((table) => table.split('\n'))
    .filter((line) => inodes.has(line.trim().split(/\s+/)[9] ?? ''));
}
