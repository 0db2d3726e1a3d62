// Fault rows 11, 12 and 14: processes that stand still, for shorter and longer than a lease.
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ChildWatch } from '../../failure/support/child-watch.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { OwnersRig, ownerOf, type CutWorker, type Watched } from '../../failure/support/owners.ts';
import { isLiving } from '../../support/proc.ts';
import { until } from '../../support/until.ts';

const AGENT = fileURLToPath(new URL('../../failure/support/wild-agent.mjs', import.meta.url));
const MEDDLE = new URL('../../failure/support/meddle.mjs', import.meta.url).href;

interface Placed {
  readonly worker: CutWorker;
  readonly name: string;
  readonly watched: Watched;
  readonly watch: ChildWatch;
  /** The child that runs the turn. */
  readonly pid: number;
}

const startWorker = async (rig: OwnersRig, name: string): Promise<CutWorker> =>
  rig.startWorker({
    ...{ CLAUDE_PATH: AGENT, HOLDFAST_WORKER_ID: name },
    NODE_OPTIONS: `--import=${MEDDLE}`,
  });

/** How many sessions it may take until each worker has one. */
const MAX_SESSIONS = 30;

/** Workers of these names, each with a session that runs a turn of so many ms. */
async function placeEach(rig: OwnersRig, turns: Readonly<Record<string, number>>): Promise<Placed[]> {
  const names = Object.keys(turns);
  const workers = await Promise.all(names.map(async (name) => startWorker(rig, name)));
  const placed = new Map<string, Placed>();
  for (let count = 0; placed.size < names.length; count += 1) {
    if (count === MAX_SESSIONS) throw new Error('some worker takes no session');
    const watched = await rig.createSession();
    await watched.follower.turn('say hello');
    const name = await ownerOf(rig.log.redis, watched.sessionId);
    const worker = workers[names.indexOf(name)];
    if (worker === undefined || placed.has(name)) continue;
    const watch = new ChildWatch(watched.sessionId);
    placed.set(name, { worker, name, watched, watch, pid: watched.follower.pid });
  }
  const all = names.flatMap((name) => placed.get(name) ?? []);
  for (const { name, watched } of all) {
    await watched.follower.session.prompt(`soon ${turns[name]}`);
    await watched.follower.until(() => watched.follower.all('turn_started').length === 2, {
      what: 'the turn',
    });
  }
  return all;
}

async function ends(rig: OwnersRig, { watched, watch }: Placed): Promise<void> {
  expect((await watched.follower.turn('say after')).stopReason).toBe('end_turn');
  expect(await rig.log.verdict(watched.sessionId)).toMatchObject(NOTHING_WRONG);
  expect({ overlaps: watch.overlaps, most: watch.most }).toEqual({ overlaps: [], most: 1 });
  await watch[Symbol.asyncDispose]();
}

/** Nobody took the session over; its turn went on in its child. */
async function wentOn({ watched: { follower }, pid }: Placed, epochResets: readonly string[]): Promise<void> {
  await follower.until(() => follower.all('turn_ended').length === 2, { what: 'the end of the turn' });
  expect(follower.all('turn_ended')[1]).toMatchObject({ stopReason: 'end_turn' });
  expect(follower.all('owner_changed')).toHaveLength(1);
  expect(follower.all('turn_interrupted')).toEqual([]);
  expect(await isLiving(pid)).toBe(true);
  expect(epochResets).toEqual([]);
}

/** Another worker has it; the turn was told as interrupted, once, and the old child is gone. */
async function wasTakenOver({ watched: { follower }, pid }: Placed): Promise<void> {
  expect(follower.all('turn_interrupted')).toMatchObject([{ delivered: true }]);
  expect(follower.all('owner_changed')).toHaveLength(2);
  await until(async () => !(await isLiving(pid)), { what: 'the old child to end' });
}

describe('workers that stand still', () => {
  it('for less than a lease keep their sessions; for much longer they lose them to one owner, and write nothing after [E-04] [E-01]', async () => {
    await using rig = await OwnersRig.start();
    const [short, long, stopped] = await placeEach(rig, {
      'blocked-8s': 12_000,
      'blocked-24s': 600_000,
      'stopped-30s': 600_000,
    });
    if (short === undefined || long === undefined || stopped === undefined) throw new Error('not placed');
    const spare = await rig.startWorker({ CLAUDE_PATH: AGENT, HOLDFAST_WORKER_ID: 'spare' });
    process.kill(stopped.worker.pid, 'SIGSTOP');
    short.worker.child.send({ meddle: 'block', ms: 8_000 });
    long.worker.child.send({ meddle: 'block', ms: 24_000 });
    await pause(30_000);
    process.kill(stopped.worker.pid, 'SIGCONT');
    await wentOn(
      short,
      short.watched.clients.flatMap(({ recorder }) => recorder.resetReasons),
    );
    for (const one of [long, stopped]) {
      await wasTakenOver(one);
      expect(await ownerOf(rig.log.redis, one.watched.sessionId)).not.toBe(one.name);
    }
    for (const one of [short, long, stopped]) await ends(rig, one);
    for (const { worker } of [short, long, stopped]) expect(worker.isRunning()).toBe(true);
    expect(spare.isRunning()).toBe(true);
  });
});

describe.each([
  { how: 'stands still', isRestarted: false },
  { how: 'is killed and started again', isRestarted: true },
])('a Redis that $how, 30 s down', ({ isRestarted }) => {
  it('finds all owners where they were: children frozen and thawed, turns that go on, no takeover [E-04] [D-11]', async () => {
    await using rig = await OwnersRig.start();
    const placed = await placeEach(rig, { one: 15_000, two: 15_000, three: 15_000 });
    if (isRestarted) await rig.redis.stop('SIGKILL');
    else rig.redis.process().kill('SIGSTOP');
    await pause(30_000);
    if (isRestarted) await rig.redis.start();
    else rig.redis.process().kill('SIGCONT');
    for (const one of placed)
      await wentOn(
        one,
        one.watched.clients.flatMap(({ recorder }) => recorder.resetReasons),
      );
    for (const one of placed) {
      await ends(rig, one);
      expect(await ownerOf(rig.log.redis, one.watched.sessionId)).toBe(one.name);
    }
  });
});
