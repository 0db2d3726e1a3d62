import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { createSession, isListening } from './support/api.ts';
import { createHome, type UpHome } from './support/holdfast.ts';
import { endCommands, isRoot } from './support/run.ts';

let home: UpHome;
beforeEach(async () => void (home = await createHome()));
afterEach(async () => {
  endCommands();
  await home[Symbol.asyncDispose]();
});

/** What must not be there when nothing runs. */
const RUNTIME_FILES = /up\.lock|processes\.json|\.sock$|\.new$|\.pid$|^apt|redis-debian\./;

async function expectNothingLeft(): Promise<void> {
  expect(await home.processes()).toEqual([]);
  const files = await readdir(home.dataDir, { recursive: true });
  expect(files.filter((file) => RUNTIME_FILES.test(file))).toEqual([]);
}

describe('stopping up [K-02]', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'by %s ends with code 0 and leaves no process, port, socket or file of the run',
    async (signal) => {
      const up = home.start();
      const link = await up.ready();
      await createSession(link);
      process.kill(await up.pid(), signal);
      const ended = await up.ended;
      expect(ended.exitCode).toBe(0);
      expect(ended.stderr).toBe('');
      await expectNothingLeft();
      expect(await isListening(link)).toBe(false);
    },
  );

  it('by Ctrl-C at a terminal ends in order, though npm passes the signal on a second time', async () => {
    const command = ['script', '-qec', 'exec npm run --silent up', '/dev/null'] as const;
    const up = home.start({ command, hasInput: true });
    const link = await up.ready();
    up.child.stdin?.write('\u0003');
    const ended = await up.ended;
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).not.toContain('killing everything');
    await expectNothingLeft();
    expect(await isListening(link)).toBe(false);
  });

  it('while it is still starting leaves nothing either', async () => {
    const up = home.start();
    await until(() => up.output().includes('redis'), { what: 'the first part' });
    up.child.kill('SIGTERM');
    expect((await up.ended).exitCode).toBe(0);
    await expectNothingLeft();
  });

  it('by a second Ctrl-C kills at once, also a part that hangs', async () => {
    const up = home.start();
    await up.ready();
    process.kill(await up.partPid('worker-1'), 'SIGSTOP');
    const pid = await up.pid();
    process.kill(pid, 'SIGINT');
    await until(() => up.output().includes('stopping'), { what: 'the stop to begin' });
    const again = setInterval(() => process.kill(pid, 'SIGINT'), 300);
    const ended = await up.ended.finally(() => clearInterval(again));
    expect(ended.exitCode).toBe(130);
    expect(ended.stderr).toContain('killing everything at once');
    await until(async () => (await home.processes()).length === 0, {
      what: 'all to be gone',
      limitMs: 2_000,
    });
  });

  it.runIf(isRoot)('as a plain user leaves nothing, and needed no right of root to work', async () => {
    await using plain = await createHome({ asNobody: true });
    const up = plain.start({ command: ['node', 'scripts/bootstrap.cjs', 'up'] });
    await createSession(await up.ready());
    await until(async () => (await plain.processes()).some((command) => command.includes('--input-format')), {
      what: 'the CLI to be there',
    });
    process.kill(await up.pid(), 'SIGTERM');
    expect((await up.ended).exitCode).toBe(0);
    expect(await plain.processes()).toEqual([]);
  });
});
