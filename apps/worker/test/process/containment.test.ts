import { describe, expect, it } from 'vitest';
import { childrenOf, findMarked, planContainment, SESSION_MARKER } from '../../src/process/containment.ts';
import { startChild } from '../support/children.ts';

const uid = process.getuid?.() ?? -1;

describe('how children are held [A-16]', () => {
  it('a sweep that is asked for needs no probe of namespaces, and still dies with the worker', async () => {
    expect(await planContainment('sweep', uid)).toEqual({
      kind: 'sweep',
      prefix: ['setpriv', '--pdeathsig', 'KILL'],
      refusal: 'HOLDFAST_CONTAINMENT=sweep',
    });
  });

  it('a plain user gets a user namespace around the PID namespace, root does not', async () => {
    const plans = await Promise.all([planContainment('auto', 0), planContainment('auto', 1000)]);
    for (const plan of plans) {
      if (plan.kind === 'sweep') continue;
      expect(plan.refusal).toBeNull();
    }
    const namespaces = plans.map((plan) => plan.prefix.includes('--user'));
    expect(namespaces).toEqual([false, plans[1]?.kind === 'namespace']);
  });

  it('where namespaces are refused, auto sweeps and says why; a namespace that is asked for is an error', async () => {
    await withoutTools(async () => {
      const plan = await planContainment('auto', uid);
      expect(plan).toMatchObject({ kind: 'sweep', prefix: [] });
      expect(plan.refusal).toContain('setpriv');
      await expect(planContainment('namespace', uid)).rejects.toThrow(
        /HOLDFAST_CONTAINMENT=namespace, but .*auto\./,
      );
    });
  });
});

describe('finding processes', () => {
  it('a process is found by the marker of its session, and by no other', async () => {
    await using running = startChild('polite', { env: { [SESSION_MARKER]: 's00-marked' } });
    await running.line({ pid: running.child.pid });
    expect(await findMarked('s00-marked')).toEqual([running.child.pid]);
    expect(await findMarked('s00-mark')).toEqual([]);
  });

  it('direct children are what the kernel says; an unknown process has none', async () => {
    await using running = startChild('polite');
    await running.line({ pid: running.child.pid });
    expect(await childrenOf(process.pid)).toContain(running.child.pid);
    expect(await childrenOf(2 ** 22 + 1)).toEqual([]);
  });
});

async function withoutTools(run: () => Promise<void>): Promise<void> {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    await run();
  } finally {
    process.env['PATH'] = path;
  }
}
