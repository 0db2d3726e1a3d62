// More of what the end of `up` may leave behind; the fast tier has the common cases.
import { appendFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHome, type UpHome } from '../setup/support/holdfast.ts';
import { killWithRunningTool } from '../setup/support/kill-up.ts';
import { expectRepair } from '../setup/support/repair.ts';
import { endCommands, isRoot } from '../setup/support/run.ts';

let home: UpHome;
beforeEach(async () => void (home = await createHome()));
afterEach(async () => {
  endCommands();
  await home[Symbol.asyncDispose]();
});

describe('kill -9 of up', () => {
  it.runIf(isRoot)('as a plain user ends the same', async () => {
    await using plain = await createHome({ asNobody: true });
    await killWithRunningTool(plain, ['node', 'scripts/bootstrap.cjs', 'up']);
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
    ['garbled', Buffer.from('*3\r\n$3\r\nSE\0\0\0garbage')],
    ['followed by zeros', Buffer.alloc(4096)],
  ])('with the tail of the log of Redis %s is repaired, and the sessions are there', async (_how, tail) => {
    await expectRepair(home, async (file) => appendFile(file, tail));
  });
});
