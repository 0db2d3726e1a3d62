import { readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { createSession, isListening, listSessions } from './support/api.ts';
import { createHome, type UpHome } from './support/holdfast.ts';
import { killWithRunningTool } from './support/kill-up.ts';
import { expectRepair } from './support/repair.ts';
import { endCommands } from './support/run.ts';

let home: UpHome;
beforeEach(async () => void (home = await createHome()));
afterEach(async () => {
  endCommands();
  await home[Symbol.asyncDispose]();
});

describe('kill -9 of up', () => {
  it('ends every part, every child and all that a tool started within 2 s [A-16]', async () => {
    expect(await isListening(await killWithRunningTool(home))).toBe(false);
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

  it('with the tail of the log of Redis cut is repaired, and the sessions are there', async () => {
    await expectRepair(home, async (file, size) => truncate(file, size - 3));
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
