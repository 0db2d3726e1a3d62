import { appendFile, readdir, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { createSession, isListening, listSessions, sendPrompt } from './support/api.ts';
import { createHome, processesWith, type UpHome } from './support/holdfast.ts';
import { endCommands, isRoot } from './support/run.ts';

let home: UpHome;
beforeEach(async () => void (home = await createHome()));
afterEach(async () => {
  endCommands();
  await home[Symbol.asyncDispose]();
});

async function allGone(of: UpHome): Promise<void> {
  const gone = until(async () => (await of.processes()).length === 0, { what: 'the end', limitMs: 5_000 });
  await gone.catch(() => {});
  expect(await of.processes()).toEqual([]);
}

/** Kills `up` while a tool of a session runs that has left its session and cleared its environment. */
async function killWithRunningTool(of: UpHome, command?: readonly [string, ...string[]]): Promise<URL> {
  const up = of.start(command === undefined ? {} : { command });
  const link = await up.ready();
  const seconds = 40_000 + Math.floor(Math.random() * 10_000);
  const session = await createSession(link, { allowedTools: ['Bash'] });
  const script = `setsid env -i sleep ${seconds} & sleep ${seconds}`;
  await sendPrompt(link, session, `[[tool Bash ${JSON.stringify({ command: script })}]]`);
  await until(async () => (await processesWith(`sleep ${seconds}`)).length >= 2, {
    what: 'the tool to run',
    limitMs: 15_000,
  });
  const pid = await up.pid();
  process.kill(pid, 'SIGKILL');
  await until(
    async () =>
      (await processesWith(`sleep ${seconds}`)).length === 0 &&
      (await of.processes()).every((process) => !process.includes('--input-format')),
    { what: 'the child and what its tool started to be gone', limitMs: 2_000 },
  );
  await allGone(of);
  return link;
}

describe('kill -9 of up', () => {
  it('ends every part, every child and all that a tool started within 2 s [A-16]', async () => {
    expect(await isListening(await killWithRunningTool(home))).toBe(false);
  });

  it.runIf(isRoot)('as a plain user ends the same [A-16]', async () => {
    await using plain = await createHome({ asNobody: true });
    await killWithRunningTool(plain, ['node', 'scripts/bootstrap.cjs', 'up']);
  });

  it('is cleaned up by the next start, which has every session and the same token', async () => {
    const first = home.start();
    const before = await first.ready();
    const token = before.searchParams.get('token');
    const session = await createSession(before);
    process.kill(await first.pid(), 'SIGKILL');
    await first.ended;
    const second = home.start();
    const link = await second.ready();
    expect(await listSessions(link)).toContain(session);
    expect(link.searchParams.get('token')).toBe(token);
  });

  it('leaves parts that outlived it to the next start, which ends them first', async () => {
    const first = home.start();
    await first.ready();
    const redis = await first.partPid('redis');
    // A stopped process gets no SIGTERM until it goes on, so this Redis outlives its parent.
    process.kill(redis, 'SIGSTOP');
    process.kill(await first.pid(), 'SIGKILL');
    await first.ended;
    const second = home.start();
    await second.ready();
    expect(second.output()).toContain(`redis      of a killed run was still there; ended it (pid ${redis})`);
    expect(await second.partPid('redis')).not.toBe(redis);
  });

  it.each([
    ['cut', (file: string, size: number) => truncate(file, size - 3)],
    ['garbled', (file: string) => appendFile(file, Buffer.from('*3\r\n$3\r\nSE\0\0\0garbage'))],
    ['followed by zeros', (file: string) => appendFile(file, Buffer.alloc(4096))],
  ])('with the tail of the log of Redis %s is repaired, and the sessions are there', async (_how, damage) => {
    const first = home.start();
    const link = await first.ready();
    const session = await createSession(link);
    const size = await logSize();
    // The cut takes the last command; this one makes sure that it is not the session's.
    await createSession(link);
    await until(async () => (await logSize()) > size, { what: 'the log to be written' });
    process.kill(await first.pid(), 'SIGKILL');
    await first.ended;
    await allGone(home);
    await damage(await logFile(), await logSize());
    expect(await listSessions(await home.start().ready())).toContain(session);
  });
});

describe('a part that is killed', () => {
  it('starts again, whichever it is, and this is said', async () => {
    const up = home.start();
    const link = await up.ready();
    for (const part of ['worker-1', 'gateway', 'demo-model', 'redis']) {
      const pid = await up.partPid(part);
      process.kill(pid, 'SIGKILL');
      await until(() => up.output().match(new RegExp(`${part} +ready`, 'g'))?.length === 2, {
        what: `${part} to be back`,
      });
      expect(up.output()).toMatch(new RegExp(`${part} +was ended by SIGKILL; starting it again in 0.25 s`));
      expect(await up.partPid(part)).not.toBe(pid);
    }
    await until(async () => (await fetch(new URL('/readyz', link))).ok, { what: 'the same address to work' });
  });

  it('again and again says where its log is', async () => {
    const up = home.start();
    await up.ready();
    for (let death = 1; death <= 3; death += 1) {
      process.kill(await up.partPid('demo-model'), 'SIGKILL');
      await until(() => up.output().match(/demo-model +ready/g)?.length === death + 1, {
        what: 'the next start',
      });
    }
    expect(up.output()).toContain(`it keeps dying, see ${home.dataDir}/logs/demo-model.log`);
  });

  it('has a log of this run and one of the run before', async () => {
    const first = home.start();
    await first.ready();
    first.child.kill('SIGTERM');
    await first.ended;
    await home.start().ready();
    const logs = join(home.dataDir, 'logs');
    expect(await readdir(logs)).toEqual(expect.arrayContaining(['gateway.log', 'gateway.log.1']));
    expect(await readFile(join(logs, 'gateway.log.1'), 'utf8')).toContain('"stopped"');
  });
});

async function logFile(): Promise<string> {
  const folder = join(home.dataDir, 'redis/appendonlydir');
  const name = (await readdir(folder)).find((file) => file.endsWith('.incr.aof'));
  return join(folder, name ?? '');
}

async function logSize(): Promise<number> {
  return (await stat(await logFile())).size;
}
