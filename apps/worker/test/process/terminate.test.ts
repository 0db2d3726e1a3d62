import { describe, expect, it } from 'vitest';
import { planContainment, CHILD_MARKER } from '../../src/process/containment.ts';
import { sweep, terminateChild, type TerminateTimes } from '../../src/process/terminate.ts';
import { isLiving, processesLike, uniqueSleep } from '../../../../test/support/proc.ts';
import { until } from '../../../../test/support/until.ts';
import { startChild, type RunningChild } from '../support/children.ts';

const uid = process.getuid?.() ?? -1;
const plans = [await planContainment('auto', uid), await planContainment('sweep', uid)];
// Long enough for a busy machine where an answer is expected; where none is, each rung is waited for.
const QUICK: TerminateTimes = { inputMs: 150, interruptMs: 150, termMs: 150, killMs: 5_000 };
const PATIENT: TerminateTimes = { inputMs: 10_000, interruptMs: 10_000, termMs: 10_000, killMs: 10_000 };
const ALL = ['SIGINT', 'SIGTERM', 'SIGHUP'];

describe.each(plans)('ending a child held by $kind [C-02]', ({ kind, prefix }) => {
  const start = (name: string, args: readonly string[], session = 's00-none'): RunningChild =>
    startChild(name, {
      args,
      prefix,
      env: { [CHILD_MARKER]: session },
      ...(kind === 'sweep' ? { afterExit: async () => sweep(session) } : {}),
    });

  it('the end of its input is enough for a polite one', async () => {
    await using running = start('polite', []);
    await until(() => running.lines.length > 0, { what: 'the child' });
    await terminateChild({ child: running.child, containment: kind, times: PATIENT });
    expect(await running.child.ended).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['SIGINT', { ...QUICK, interruptMs: 10_000 }, []],
    ['SIGTERM', { ...QUICK, termMs: 10_000 }, ['SIGINT']],
    ['SIGKILL', QUICK, ALL],
  ] as const)('%s ends one that ignores all before it', async (last, times, ignored) => {
    await using running = start('reacts', [last, ...ignored]);
    await until(() => running.lines.length > 0, { what: 'the child' });
    await terminateChild({ child: running.child, containment: kind, times });
    expect(running.lines.slice(1)).toEqual([
      { ignored: 'end of input' },
      ...ignored.filter((signal) => signal !== 'SIGHUP').map((signal) => ({ ignored: signal })),
      ...(last === 'SIGKILL' ? [] : [{ obeyed: last }]),
    ]);
    expect(running.child.isAlive()).toBe(false);
  });

  it('one whose stdout is not read any more is read to its end', async () => {
    await using running = start('floods-stdout', ['5000']);
    running.child.setReading(false);
    await terminateChild({ child: running.child, containment: kind, times: PATIENT });
    expect(running.lines).toHaveLength(5_000);
  });

  it('nothing that it started is left, in a session of its own or in the background [A-16]', async () => {
    const seconds = uniqueSleep();
    await using running = start('forks-grandchildren', [seconds], seconds);
    await running.line({ ready: true });
    await until(async () => (await processesLike(`sleep ${seconds}`)).length >= 3, {
      what: 'the grandchildren',
    });
    await terminateChild({ child: running.child, containment: kind, times: QUICK });
    expect(await running.child.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(await processesLike(seconds)).toEqual([]);
  });

  it('a second call finds it ended', async () => {
    await using running = start('polite', []);
    await terminateChild({ child: running.child, containment: kind, times: PATIENT });
    await terminateChild({ child: running.child, containment: kind, times: PATIENT });
    expect(running.child.isAlive()).toBe(false);
  });
});

describe.runIf(plans[0]?.kind === 'namespace')('in a PID namespace', () => {
  it('even what threw the marker away dies with the child [A-16]', async () => {
    const seconds = uniqueSleep();
    await using running = startChild('forks-grandchildren', {
      args: [seconds],
      prefix: plans[0]?.prefix ?? [],
      env: { WITHOUT_MARKER: '1' },
    });
    await until(async () => (await processesLike(`sleep ${seconds}`)).length >= 4, {
      what: 'the grandchildren',
    });
    running.child.signal('SIGKILL');
    await running.child.ended;
    await until(async () => (await processesLike(seconds)).length === 0, {
      what: 'everything in the namespace to be gone',
      limitMs: 2_000,
    });
  });
});

describe('a sweep', () => {
  it('ends what carries the marker and nothing else', async () => {
    await using ours = startChild('stubborn', { args: ALL, env: { [CHILD_MARKER]: 's00-swept' } });
    await using other = startChild('stubborn', { args: ALL, env: { [CHILD_MARKER]: 's00-other' } });
    await Promise.all([ours.line({ pid: ours.child.pid }), other.line({ pid: other.child.pid })]);
    await sweep('s00-swept');
    await until(async () => !(await isLiving(ours.child.pid ?? 0)), { what: 'the end of the marked one' });
    expect(await isLiving(other.child.pid ?? 0)).toBe(true);
  });
});
