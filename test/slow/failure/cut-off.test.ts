// Fault row 13, and the guardian's own: a worker that can't reach Redis while all the others can. Its CLIs stand
// still before anybody may claim its sessions, and no two of one session ever run at once.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { livingProcesses } from '../../support/proc.ts';
import type { Service } from '../../support/processes.ts';
import { until } from '../../support/until.ts';
import { areAllFrozen, childProcesses, ChildWatch } from '../../failure/support/child-watch.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { fencesOf, OwnersRig, ownerOf } from '../../failure/support/owners.ts';

let rig: OwnersRig;
beforeAll(async () => void (rig = await OwnersRig.start()));
afterAll(async () => rig[Symbol.asyncDispose]());

/** A child is stopped this long after the last beat, which was up to 2 s before; a busy machine adds to it. */
const FROZEN_MS = 9_000;
/** A lease lasts 10 s; then comes a round of the reaper. */
const TAKEN_OVER_MS = 16_000;

/** The guardian of a worker; undefined when there is none just now. */
async function guardianOf(worker: Service): Promise<number | undefined> {
  const guardian = (await livingProcesses()).find(
    (info) => info.parent === worker.pid && info.command.includes('guardian/main.ts'),
  );
  return guardian?.pid;
}

describe('a worker that is cut off from Redis', () => {
  it('has its children stopped, by a guardian that was started anew too, before another one claims; back again, it writes nothing and they end [E-04] [E-01]', async () => {
    await using first = await rig.startWorker({ HOLDFAST_WORKER_ID: 'first' });
    const { client, sessionId, follower, clients } = await rig.createSession({
      settings: { allowedTools: ['Bash'] },
    });
    await using watch = new ChildWatch(sessionId);
    await follower.turn('[[say one]]');
    const { cwd } = await client.http.inspect(sessionId).then(({ view }) => view);
    const command = 'while :; do echo tick >> ticks; sleep 0.05; done';
    await follower.session.prompt(`[[tool Bash ${JSON.stringify({ command })}]]`);
    const ticks = async (): Promise<number> =>
      (await readFile(join(cwd, 'ticks'), 'utf8').catch(() => '')).length;
    await until(async () => (await ticks()) > 0, { what: 'the tool to run' });

    const guardian = (await guardianOf(first)) ?? 0;
    process.kill(guardian, 'SIGKILL');
    const isAnother = (pid: number | undefined): boolean => pid !== undefined && pid !== guardian;
    await until(async () => isAnother(await guardianOf(first)), { what: 'another guardian' });
    await using second = await rig.startWorker({ HOLDFAST_WORKER_ID: 'second' });

    first.cutOff();
    await until(async () => areAllFrozen(sessionId), { what: 'the children to stop', limitMs: FROZEN_MS });
    expect(follower.all('owner_changed')).toHaveLength(1);
    const frozenTicks = await ticks();
    const old = await childProcesses(sessionId);

    await follower.until(() => follower.all('turn_interrupted').length === 1, {
      what: 'the takeover',
      limitMs: TAKEN_OVER_MS,
    });
    expect(follower.all('turn_interrupted')).toMatchObject([{ delivered: true }]);
    expect(await ownerOf(rig.log.redis, sessionId)).toBe('second');
    const two = await follower.turn('[[say two]]');
    expect(follower.textOf(two.turnId)).toBe('two');
    expect(await ticks()).toBe(frozenTicks);
    const now = await childProcesses(sessionId);
    expect(now.filter(({ childId }) => childId === old[0]?.childId).every(({ state }) => state === 'T')).toBe(
      true,
    );

    first.reconnect();
    await until(async () => (await childProcesses(sessionId)).every((info) => !isAmong(old, info.pid)), {
      what: 'the old children to end',
    });
    const verdict = await rig.log.verdict(sessionId);
    expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: clients.length, resets: {} } });
    const fences = await fencesOf(rig.log.redis, sessionId);
    expect(fences).toEqual(fences.toSorted((one, other) => one - other));
    expect(await ticks()).toBe(frozenTicks);
    expect({ overlaps: watch.overlaps, most: watch.most }).toEqual({ overlaps: [], most: 1 });
    expect(watch.children.size).toBe(2);
    expect(watch.looks).toBeGreaterThan(50);
    expect([first.isRunning(), second.isRunning()]).toEqual([true, true]);
  });

  it('or that can keep no guardian hands its sessions over and ends [E-04]', async () => {
    await using first = await rig.startWorker({ HOLDFAST_WORKER_ID: 'unguarded' });
    const { follower } = await rig.createSession();
    await follower.turn('[[say one]]');
    await using second = await rig.startWorker({ HOLDFAST_WORKER_ID: 'guarded' });
    await until(
      async () => {
        const guardian = await guardianOf(first);
        if (guardian !== undefined) process.kill(guardian, 'SIGKILL');
        return !first.isRunning();
      },
      { what: 'the worker to end', limitMs: 20_000 },
    );
    expect(first.child.exitCode).toBe(1);
    expect(first.logs().map((line) => line['msg'])).toContain('no guardian can be kept: this worker drains');
    const two = await follower.turn('[[say two]]');
    expect(follower.textOf(two.turnId)).toBe('two');
    expect(await ownerOf(rig.log.redis, follower.session.sessionId)).toBe('guarded');
    expect(second.isRunning()).toBe(true);
  });
});

function isAmong(old: readonly { readonly pid: number }[], pid: number): boolean {
  return old.some((info) => info.pid === pid);
}
