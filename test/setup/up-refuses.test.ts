import { once } from 'node:events';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { createHome, type UpHome } from './support/holdfast.ts';
import { endCommands, onSmallDisk, ourLines, runCommand, startCommand, type Ran } from './support/run.ts';

const BOOTSTRAP = [process.execPath, 'scripts/bootstrap.cjs', 'up'] as const;

let home: UpHome;
let servers: Server[];
beforeEach(async () => {
  home = await createHome();
  servers = [];
});
afterEach(async () => {
  endCommands();
  for (const server of servers) server.close();
  await home[Symbol.asyncDispose]();
});

async function up(env: NodeJS.ProcessEnv): Promise<Ran> {
  return home.start({ env, command: BOOTSTRAP }).ended;
}

/** One line of ours on stderr and nothing else there, exit code 1, and nothing that stays. */
async function expectOneLine(ran: Ran, pattern: RegExp): Promise<void> {
  expect(ran.stderr.trim().split('\n')).toEqual([expect.stringMatching(pattern)]);
  expect(ourLines(ran.stderr)).toHaveLength(1);
  expect(ran.exitCode).toBe(1);
  expect(await home.processes()).toEqual([]);
}

/** A folder for PATH with exactly these programs: a text is a script, `true` the machine's own program. */
async function pathWith(programs: Readonly<Record<string, string | true>>): Promise<string> {
  const folder = join(dirname(home.dataDir), 'bin');
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(programs)) {
    if (content === true) await symlink(await which(name), join(folder, name));
    else await writeFile(join(folder, name), content, { mode: 0o755 });
  }
  return folder;
}

async function which(name: string): Promise<string> {
  const command = ['sh', '-c', `command -v ${name}`] as const;
  return (await runCommand(command, { cwd: '/', env: process.env })).stdout.trim();
}

async function listen(onData?: (reply: (text: string) => void, request: string) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => onData?.((text) => socket.write(text), chunk.toString()));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('up refuses with one line that has the fix, and exit code 1 [K-02] [K-04]', () => {
  it.each([
    [
      'an unknown variable',
      { HOLDFAST_PROT: '1' },
      /HOLDFAST_PROT is not a variable.*Did you mean HOLDFAST_PORT\?/,
    ],
    ['an invalid value', { HOLDFAST_MODEL: 'best' }, /HOLDFAST_MODEL="best" is not valid.*demo/],
    [
      'a CLI that is not there',
      { CLAUDE_PATH: '/nowhere/claude' },
      /CLAUDE_PATH=\/nowhere\/claude.*unset it/,
    ],
    [
      'a Redis that is not there',
      { REDIS_URL: 'redis://127.0.0.1:1' },
      /does not answer \(ECONNREFUSED\).*unset/,
    ],
    ['an address that is not ours', { HOLDFAST_HOST: '192.0.2.1', HOLDFAST_PORT: '1234' }, /HOLDFAST_HOST/],
  ])('%s', async (_what, env, pattern) => {
    await expectOneLine(await up(env), pattern);
  });

  it('an argument', async () => {
    const ran = await home.start({ command: [...BOOTSTRAP, '--port=1'] }).ended;
    await expectOneLine(ran, /takes no "--port=1".*--help/);
  });

  it('a port in use', async () => {
    const port = await listen();
    await expectOneLine(
      await up({ HOLDFAST_PORT: String(port) }),
      new RegExp(`Port ${port} .* is in use.*HOLDFAST_PORT`),
    );
  });

  it('a redis-server on PATH that is too old', async () => {
    const script = '#!/bin/sh\necho "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64"\n';
    const path = await pathWith({ 'redis-server': script });
    await expectOneLine(
      await up({ PATH: path }),
      /bin\/redis-server is version 6\.0\.16.*needs 7\.0.*REDIS_URL/,
    );
  });

  it('a machine without Redis and without the means to fetch it', async () => {
    await expectOneLine(
      await up({ PATH: await pathWith({}) }),
      /no redis-server on PATH.*Install Redis 7\.0/,
    );
  });

  it('a Redis at REDIS_URL that is too old, or wants another password', async () => {
    const old = await listen((reply) => reply('+PONG\r\n$20\r\nredis_version:6.2.14\r\n\r\n'));
    await expectOneLine(await up({ REDIS_URL: `redis://127.0.0.1:${old}` }), /version 6\.2\.14.*needs 7\.0/);
    const locked = await listen((reply) => reply('-NOAUTH Authentication required.\r\n'.repeat(2)));
    await expectOneLine(
      await up({ REDIS_URL: `redis://127.0.0.1:${locked}` }),
      /refuses the login \(NOAUTH\).*HOLDFAST_REDIS_PASSWORD/,
    );
  });

  it('a package manager that is locked', async () => {
    const programs = { 'apt-get': true, 'dpkg-deb': true, dpkg: true, sh: true } as const;
    const env = { PATH: await pathWith(programs), APT_CONFIG: await aptConfigWithoutLists() };
    const hanging = startCommand(await updateThatHangs(), { cwd: '/', env: { ...process.env, ...env } });
    const ran = await until(
      async () => {
        const tried = await up(env);
        return /locked/.test(tried.stderr) ? tried : undefined;
      },
      { what: 'the lock to be held', limitMs: 20_000 },
    );
    hanging.child.kill('SIGKILL');
    await hanging.ended;
    await expectOneLine(
      ran,
      /package manager is locked by process \d+ \(.*\/apt\/state\/lists\/lock\).*Wait/,
    );
  });

  it('a data folder that is not writable', async () => {
    await using plain = await createHome({ asNobody: true, name: 'locked/data' });
    const locked = dirname(plain.dataDir);
    await mkdir(locked);
    await chmod(locked, 0o555);
    await expectOneLine(
      await plain.start({ command: BOOTSTRAP }).ended,
      /locked\/data is not writable for this user \(EACCES\).*HOLDFAST_DATA_DIR/,
    );
    await chmod(locked, 0o755);
  });

  it('a full disk', async () => {
    await mkdir(home.dataDir, { recursive: true });
    const fill = `head -c 900000 /dev/zero > ${home.dataDir}/filler; head -c 900000 /dev/zero > ${home.dataDir}/rest`;
    const script = `(${fill}) 2>&-; exec ${BOOTSTRAP.join(' ')}`;
    const ran = await home.start({ command: onSmallDisk(home.dataDir, 1, script) }).ended;
    await expectOneLine(ran, /disk is full.*Free some space/);
  });

  async function aptConfigWithoutLists(): Promise<string> {
    const file = join(dirname(home.dataDir), 'apt.conf');
    const sources = join(dirname(home.dataDir), 'sources.list');
    await writeFile(sources, `deb http://127.0.0.1:${await listen()}/debian stable main\n`);
    await mkdir(join(dirname(home.dataDir), 'lists/partial'), { recursive: true });
    const settings = {
      'Dir::State::Lists': join(dirname(home.dataDir), 'lists'),
      'Dir::Etc::SourceList': sources,
      'Dir::Etc::SourceParts': '/dev/null',
    };
    await writeFile(
      file,
      Object.entries(settings)
        .map(([name, value]) => `${name} "${value}";\n`)
        .join(''),
    );
    return file;
  }

  /** Holds the lock of the folder that `up` would use, while it waits for a server that says nothing. */
  async function updateThatHangs(): Promise<[string, ...string[]]> {
    const state = join(home.dataDir, 'apt/state');
    await mkdir(join(state, 'lists/partial'), { recursive: true });
    return [
      'apt-get',
      '-o',
      'APT::Sandbox::User=',
      '-o',
      `Dir::State::Lists=${join(state, 'lists')}`,
      'update',
    ];
  }
});
