// Redis loses a claim while both the owner before it and the one that made it are alive. Whatever either of them
// believes, one writes, no two of their CLIs run at once, and nobody who saw what was lost goes on as if it were there.
import { describe, expect, it } from 'vitest';
import { ChildWatch } from '../../failure/support/child-watch.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { fencesOf, OwnersRig, ownerOf } from '../../failure/support/owners.ts';
import { until } from '../../support/until.ts';

/** Longer than a lease, a round of the reaper, and a cold start on a busy machine. */
const TAKEOVER_MS = 40_000;

describe('a failover that loses a claim', () => {
  it.each([
    { who: 'is told', isCutOff: false },
    { who: 'is cut off, so that only what was noted tells of it', isCutOff: true },
  ])(
    'while its old owner was paused, which is the present one again, and the new one $who: the old one writes nothing, a new epoch begins [E-01] [E-04] [D-11]',
    async ({ isCutOff }) => {
      await using rig = await OwnersRig.start({ withReplica: true });
      const first = await rig.startWorker({ HOLDFAST_WORKER_ID: 'first' });
      const { sessionId, follower, clients } = await rig.createSession();
      await using watch = new ChildWatch(sessionId);
      expect((await follower.turn('[[say one]]')).stopReason).toBe('end_turn');
      await follower.session.prompt('[[say begun]] [[slow ms=600000]]');
      await follower.until(() => follower.all('turn_started').length === 2, { what: 'the second turn' });
      const second = await rig.startWorker({ HOLDFAST_WORKER_ID: 'second' });
      await rig.stopReplication();

      process.kill(first.pid, 'SIGSTOP');
      await follower.until(() => follower.all('owner_changed').length === 2, {
        what: 'the takeover',
        limitMs: TAKEOVER_MS,
      });
      await follower.turn('[[say two]]');
      await Promise.all(
        clients.map(async (client) => client.hasReached(follower.events.at(-1)?.offset ?? 0)),
      );
      expect(await ownerOf(rig.log.redis, sessionId)).toBe('second');
      const seenOffset = follower.events.at(-1)?.offset ?? 0;

      if (isCutOff) second.cutOff();
      await rig.failOver();
      expect(await ownerOf(rig.log.redis, sessionId)).toBe('first');
      const before = await fencesOf(rig.log.redis, sessionId);
      process.kill(first.pid, 'SIGCONT');

      await until(() => clients.every(({ recorder }) => recorder.resetReasons.includes('epoch')), {
        what: 'all clients to be told of a new epoch',
        limitMs: TAKEOVER_MS,
      });
      const { text } = await answerOf(follower, 'three');
      expect(text).toBe('three');
      second.reconnect();
      expect((await answerOf(follower, 'four')).text).toBe('four');
      const verdict = await rig.log.verdict(sessionId);
      expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: clients.length } });
      // Nothing was added under the fence that the failover brought back.
      const after = await fencesOf(rig.log.redis, sessionId);
      const oldFence = before.at(-1) ?? 0;
      expect(after.filter((fence) => fence === oldFence)).toHaveLength(
        before.filter((fence) => fence === oldFence).length,
      );
      expect(after.toSorted((one, other) => one - other)).toEqual(after);
      expect({ overlaps: watch.overlaps, most: watch.most }).toEqual({ overlaps: [], most: 1 });
      expect(watch.children.size).toBeGreaterThanOrEqual(2);
      expect(watch.looks).toBeGreaterThan(50);
      expect(seenOffset).toBeGreaterThan(before.length);
      expect([first.isRunning(), second.isRunning()]).toEqual([true, true]);
    },
  );
});

describe('a failover that loses the end of an ownership', () => {
  it('leaves no session with a living owner that does not know of it [E-01] [E-02]', async () => {
    await using rig = await OwnersRig.start({ withReplica: true });
    // One place: the child of one session makes room for that of the other, and its session is given up.
    const worker = await rig.startWorker({ HOLDFAST_WORKER_ID: 'only', HOLDFAST_MAX_CHILDREN: '1' });
    const [one, other] = [await rig.createSession(), await rig.createSession()];
    expect((await answerOf(other.follower, 'first')).text).toBe('first');
    expect((await answerOf(one.follower, 'second')).text).toBe('second');
    expect(await ownerOf(rig.log.redis, one.sessionId)).toBe('only');
    await rig.stopReplication();
    expect((await answerOf(other.follower, 'third')).text).toBe('third');
    expect(await ownerOf(rig.log.redis, one.sessionId)).toBe('');
    await rig.failOver();
    await until(async () => (await fetch(`${rig.gateway.url}/readyz`)).ok, {
      what: 'the gateway to be ready',
    });
    expect((await answerOf(one.follower, 'fourth')).text).toBe('fourth');
    expect(await rig.log.verdict(one.sessionId)).toMatchObject(NOTHING_WRONG);
    expect(worker.isRunning()).toBe(true);
  });
});

async function answerOf(
  follower: Awaited<ReturnType<OwnersRig['createSession']>>['follower'],
  word: string,
): Promise<{ text: string }> {
  const turn = await follower.turn(`[[say ${word}]]`);
  return { text: follower.textOf(turn.turnId) };
}
