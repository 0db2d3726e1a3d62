// Fault rows 17, 22 and 23: things that happen at the same moment. Several gateways and workers, scripted agents.
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { PromptId, type SessionId } from '@holdfast/shared/protocol';
import { createPlacementQueue } from '@holdfast/shared/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../chaos/random.ts';
import { clientOf } from '../../e2e/support/system.ts';
import { startGateway, type TestGateway } from '../../support/processes.ts';
import { silentLogger } from '../../support/redis.ts';
import { until } from '../../support/until.ts';
import { ChildWatch } from '../../failure/support/child-watch.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { OwnersRig, ownerOf, type Watched } from '../../failure/support/owners.ts';

const AGENT = fileURLToPath(new URL('../../failure/support/wild-agent.mjs', import.meta.url));
const SESSIONS = 4;
const RACES = 20;

let rig: OwnersRig;
let other: TestGateway;
let sessions: Watched[];

beforeAll(async () => {
  rig = await OwnersRig.start();
  other = await startGateway({ redis: rig.redis, dataDir: rig.dataDir });
});
afterAll(async () => {
  await other[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

async function hintAtAll(times: number): Promise<void> {
  const placement = createPlacementQueue(rig.redis.address, silentLogger);
  for (let time = 0; time < times; time += 1) {
    await Promise.all(sessions.map(async ({ sessionId }) => placement.request(sessionId)));
  }
  await placement.close();
}

async function isPlaced(sessionId: SessionId): Promise<boolean> {
  return (await ownerOf(rig.log.redis, sessionId)) !== '';
}

describe('at the same moment', () => {
  it('three workers that want the same sessions, opened many times over, end up with one owner and one child for each; hints that come late change nothing [E-01] [E-02] [A-18]', async () => {
    sessions = await Promise.all(Array.from({ length: SESSIONS }, async () => rig.createSession()));
    await using watches = new AsyncDisposableStack();
    const watched = sessions.map(({ sessionId }) => watches.use(new ChildWatch(sessionId)));
    const starting = Array.from({ length: 3 }, async () => rig.startWorker({ CLAUDE_PATH: AGENT }));
    const elsewhere = clientOf(other);
    const openings = sessions.flatMap(({ sessionId, follower }) => [
      ...Array.from({ length: 3 }, async () => follower.session.open()),
      ...Array.from({ length: 3 }, async () => elsewhere.session(sessionId).open()),
    ]);
    await Promise.all([...starting, ...openings, hintAtAll(5)]);
    elsewhere.close();
    await until(
      async () => (await Promise.all(sessions.map(async (one) => isPlaced(one.sessionId)))).every(Boolean),
      {
        what: 'all to be placed',
      },
    );
    for (const { follower } of sessions)
      expect((await follower.turn('say hello')).stopReason).toBe('end_turn');
    await hintAtAll(5);
    for (const { follower } of sessions) {
      expect((await follower.turn('say again')).stopReason).toBe('end_turn');
      expect(follower.all('owner_changed')).toHaveLength(1);
      expect(follower.all('child_started')).toHaveLength(1);
    }
    expect(watched.map(({ most, children }) => [most, children.size])).toEqual(watched.map(() => [1, 1]));
  });

  it('one prompt that three tabs on two gateways send runs once, and all are told that it is accepted [B-03]', async () => {
    const [one] = sessions;
    if (one === undefined) throw new Error('there is no session');
    const tabs = [clientOf(rig.gateway), clientOf(other), clientOf(other)];
    for (let race = 0; race < 5; race += 1) {
      const promptId = PromptId.parse(`same-${race}`);
      const sent = await Promise.all(
        tabs.map(async (tab) => tab.session(one.sessionId).prompt('say once', { promptId })),
      );
      expect(sent.map((answer) => answer.promptId)).toEqual(tabs.map(() => promptId));
      const { turnId } = await one.follower.one('turn_started', { promptId });
      await one.follower.one('turn_ended', { turnId });
    }
    expect((await one.follower.turn('say after')).stopReason).toBe('end_turn');
    for (let race = 0; race < 5; race += 1) {
      const of = (type: 'prompt_queued' | 'turn_started'): number =>
        one.follower.all(type).filter((event) => event.promptId === `same-${race}`).length;
      expect([of('prompt_queued'), of('turn_started')]).toEqual([1, 1]);
    }
    for (const tab of tabs) tab.close();
  });

  it(`an abort of a turn that is just ending takes no other along, at ${RACES} moments [C-03] [C-05]`, async () => {
    const [, one] = sessions;
    if (one === undefined) throw new Error('there is no session');
    const { follower } = one;
    const random = seededRandom(23);
    const ends = new Map<string, number>();
    const elsewhere = clientOf(other);
    for (let race = 0; race < RACES; race += 1) {
      const named = await follower.session.prompt('soon 20');
      const next = await follower.session.prompt('say next');
      const { turnId } = await follower.one('turn_started', { promptId: named.promptId });
      await pause(Math.floor(random() * 40));
      await elsewhere.session(one.sessionId).abort({ turnId });
      const { stopReason } = await follower.one('turn_ended', { turnId });
      ends.set(stopReason, (ends.get(stopReason) ?? 0) + 1);
      await follower.session.resumeQueue();
      const after = await follower.one('turn_started', { promptId: next.promptId });
      expect(await follower.one('turn_ended', { turnId: after.turnId })).toMatchObject({
        stopReason: 'end_turn',
      });
      expect(follower.textOf(after.turnId)).toBe('next');
    }
    expect([...ends.keys()].toSorted()).toEqual(['aborted', 'end_turn']);
    const endings = follower.all('turn_ended').map((event) => event.turnId);
    expect(new Set(endings).size).toBe(endings.length);
    for (const { sessionId } of sessions)
      expect(await rig.log.verdict(sessionId)).toMatchObject(NOTHING_WRONG);
    elsewhere.close();
  });
});
