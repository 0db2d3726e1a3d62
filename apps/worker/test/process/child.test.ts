import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { spawnChild } from '../../src/process/child.ts';
import { sweep } from '../../src/process/terminate.ts';
import { processesLike, uniqueSleep } from '../../../../test/support/proc.ts';
import { until } from '../../../../test/support/until.ts';
import { startChild } from '../support/children.ts';

const SILENT = { stdout: () => {}, stdoutEnd: () => {} };

describe('a child process', () => {
  it('gets its lines, its folder and nothing but its own environment [A-05]', async () => {
    await using running = startChild('polite', { env: { ONLY: 'this' } });
    const report = await running.line({ pid: running.child.pid });
    expect(Object.keys(Object(report['env'])).sort()).toEqual(['ONLY', 'PATH']);
    expect(report['cwd']).toBe(process.cwd());
    expect(running.child.write('one')).toBe(true);
    await running.line({ echo: 'one' });
    running.child.endInput();
    expect(await running.child.ended).toEqual({ kind: 'exited', exitCode: 0, signal: null });
  });

  it('is alive until it has exited or was ended by a signal, whatever was sent to it [A-07]', async () => {
    await using running = startChild('stubborn', { args: ['SIGTERM'] });
    await running.line({ pid: running.child.pid });
    running.child.signal('SIGTERM');
    await running.line({ ignored: 'SIGTERM' });
    expect(running.child.isAlive()).toBe(true);
    running.child.signal('SIGKILL');
    expect(await running.child.ended).toEqual({ kind: 'exited', exitCode: null, signal: 'SIGKILL' });
    expect(running.child.isAlive()).toBe(false);
    expect(running.child.write('too late')).toBe(false);
    running.child.signal('SIGTERM');
  });

  it('its last line counts without a newline, and comes before its end [A-06]', async () => {
    const running = startChild('dies-mid-line', { args: ['{"last":1}', 'woe', 'SIGKILL'] });
    const end = await running.child.ended;
    expect(running.lines).toEqual([{ last: 1 }]);
    expect(end).toEqual({ kind: 'exited', exitCode: null, signal: 'SIGKILL' });
    expect(running.child.stderrTail()).toBe('woe');
  });

  it('the end of a long stderr is kept [A-12]', async () => {
    const running = startChild('dies-mid-line', { args: ['', `${'x'.repeat(20_000)}the reason\n`, '3'] });
    expect(await running.child.ended).toEqual({ kind: 'exited', exitCode: 3, signal: null });
    const tail = running.child.stderrTail();
    expect(tail).toHaveLength(4_095);
    expect(tail.endsWith('the reason')).toBe(true);
  });

  it('a line written byte by byte arrives whole', async () => {
    const running = startChild('splits-utf8', { args: ['żółć 🦊'] });
    await running.child.ended;
    expect(running.lines).toEqual([{ text: 'żółć 🦊' }]);
  });

  it('a broken stdin is no error: the child lives, and its end tells [A-09]', async () => {
    await using running = startChild('closes-stdin');
    await running.line({ closed: true });
    for (let round = 0; round < 20; round += 1) {
      running.child.write('x'.repeat(100_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(running.child.isAlive()).toBe(true);
  });

  it('a flood waits in the pipe while nobody reads, and nothing of it is lost', async () => {
    const running = startChild('floods-stdout', { args: ['20000'] });
    running.child.setReading(false);
    await untilItWaits(running.child.pid ?? 0);
    expect(running.child.isAlive()).toBe(true);
    expect(running.lines).toEqual([]);
    running.child.setReading(true);
    await running.child.ended;
    expect(running.lines.map((line) => Reflect.get(Object(line), 'n'))).toEqual(
      Array.from({ length: 20_000 }, (_, index) => index + 1),
    );
  });

  it('a command that does not exist is an end, not an exception [A-17]', async () => {
    const child = spawnChild({ command: '/nowhere/claude', args: [], cwd: '/', env: {} }, SILENT);
    expect(child.isAlive()).toBe(false);
    expect(child.write('x')).toBe(false);
    child.endInput();
    child.signal('SIGTERM');
    expect(await child.ended).toMatchObject({ kind: 'spawn_failed', code: 'ENOENT' });
  });

  it('what it leaves behind is ended first, so that held pipes can not hide its death [A-08]', async () => {
    const seconds = uniqueSleep();
    await using running = startChild('forks-grandchildren', {
      args: [seconds, 'exits'],
      env: { HF_CHILD_ID: seconds },
      afterExit: async () => sweep(seconds),
    });
    expect(await running.child.ended).toEqual({ kind: 'exited', exitCode: 0, signal: null });
    expect(running.lines).toEqual([{ ready: true }]);
    expect(await processesLike(seconds)).toEqual([]);
  });
});

/** Waits until a process has written something and then writes no more. */
async function untilItWaits(pid: number): Promise<void> {
  let before = '';
  let same = 0;
  await until(
    async () => {
      const [written = ''] = /wchar: [1-9]\d*/.exec(await readFile(`/proc/${pid}/io`, 'utf8')) ?? [];
      same = written !== '' && written === before ? same + 1 : 0;
      before = written;
      return same >= 10;
    },
    { what: 'the child to wait for its reader' },
  );
}
