import { describe, expect, it } from 'vitest';
import { planContainment, CHILD_MARKER } from '../../src/process/containment.ts';
import { processTree, signalAll } from '../../src/process/process-tree.ts';
import { sweep } from '../../src/process/terminate.ts';
import { processesLike, uniqueSleep } from '../../../../test/support/proc.ts';
import { until } from '../../../../test/support/until.ts';
import { startChild } from '../support/children.ts';

const plan = await planContainment('auto', process.getuid?.() ?? -1);

describe('the processes of a child', () => {
  it('are those it started, wherever they went, as long as they carry the marker', async () => {
    const seconds = uniqueSleep();
    await using running = startChild('forks-grandchildren', {
      args: [seconds],
      env: { [CHILD_MARKER]: seconds },
      afterExit: async () => sweep(seconds),
    });
    await running.line({ ready: true });
    const sleeps = await until(async () => atLeast(3, await processesLike(`sleep ${seconds}`)), {
      what: 'the sleeps',
    });
    const tree = await processTree(running.child.pid ?? 0, seconds);
    expect(tree).toEqual(expect.arrayContaining([running.child.pid, ...sleeps.map((info) => info.pid)]));
    expect(tree).not.toContain(process.pid);
  });

  it.runIf(plan.kind === 'namespace')(
    'are all that live in its namespace, marked or not [A-16]',
    async () => {
      const seconds = uniqueSleep();
      await using running = startChild('forks-grandchildren', {
        args: [seconds],
        prefix: plan.prefix,
        env: { WITHOUT_MARKER: '1', [CHILD_MARKER]: seconds },
      });
      const sleeps = await until(async () => atLeast(4, await processesLike(`sleep ${seconds}`)), {
        what: 'the sleeps',
      });
      const tree = await processTree(running.child.pid ?? 0, seconds);
      expect(tree).toEqual(expect.arrayContaining(sleeps.map((info) => info.pid)));
    },
  );

  it('of an unknown child there are none, and signals to them reach nobody', async () => {
    const gone = 2 ** 22 + 1;
    expect(await processTree(gone, 's00-nobody')).toEqual([]);
    signalAll([gone], 'SIGKILL');
  });
});

function atLeast<T>(count: number, list: T[]): T[] | null {
  return list.length >= count ? list : null;
}
