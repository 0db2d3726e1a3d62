import { describe, expect, it } from 'vitest';
import { createDeferred } from '@holdfast/shared/util';
import { createColdStarts } from '../../src/session/cold-starts.ts';

describe('cold starts', () => {
  it('run at most so many at a time, the others in order', async () => {
    const coldStarts = createColdStarts(2);
    const gates = [1, 2, 3, 4].map(() => createDeferred<void>());
    const started: number[] = [];
    const all = gates.map((gate, index) =>
      coldStarts.run(async () => {
        started.push(index);
        await gate.promise;
        return index;
      }),
    );
    await Promise.resolve();
    expect(started).toEqual([0, 1]);
    gates[1]?.resolve();
    expect(await all[1]).toBe(1);
    await all[1];
    expect(started).toEqual([0, 1, 2]);
    for (const gate of gates) gate.resolve();
    expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
  });

  it('a start that fails gives its slot back', async () => {
    const coldStarts = createColdStarts(1);
    const failed = coldStarts.run(async () => Promise.reject(new Error('no')));
    const next = coldStarts.run(async () => 'went on');
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('went on');
    expect(await coldStarts.run(async () => 'again')).toBe('again');
  });
});
