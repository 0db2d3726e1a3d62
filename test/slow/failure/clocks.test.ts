// Fault row 25: the wall clocks of workers and gateways are put forward and back by an hour while they work. Nothing
// that matters is counted by them.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientOf, newSession } from '../../e2e/support/system.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { OwnersRig, ownerOf } from '../../failure/support/owners.ts';
import { startGateway, type TestGateway } from '../../support/processes.ts';

const AGENT = fileURLToPath(new URL('../../failure/support/wild-agent.mjs', import.meta.url));
const MEDDLE = new URL('../../failure/support/meddle.mjs', import.meta.url).href;
const HOUR_MS = 3_600_000;
const env = { CLAUDE_PATH: AGENT, NODE_OPTIONS: `--import=${MEDDLE}` };

let rig: OwnersRig;
let gateway: TestGateway;
beforeAll(async () => {
  rig = await OwnersRig.start();
  gateway = await startGateway({
    redis: rig.redis,
    dataDir: rig.dataDir,
    env: { NODE_OPTIONS: env.NODE_OPTIONS },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

describe('clocks that are put by an hour', () => {
  it('forward at one worker and a gateway and back at another worker change nothing: turns end, sessions are placed, the dead are replaced in time [E-03] [E-04]', async () => {
    await using first = await rig.startWorker({ ...env, HOLDFAST_WORKER_ID: 'ahead' });
    const { sessionId, follower } = await rig.createSession();
    await follower.turn('say one');
    await follower.session.prompt('soon 1500');
    await follower.until(() => follower.all('turn_started').length === 2, { what: 'the turn' });
    await using second = await rig.startWorker({ ...env, HOLDFAST_WORKER_ID: 'behind' });
    first.child.send({ meddle: 'clock', ms: HOUR_MS });
    second.child.send({ meddle: 'clock', ms: -HOUR_MS });
    gateway.child.send({ meddle: 'clock', ms: HOUR_MS });

    await follower.until(() => follower.all('turn_ended').length === 2, { what: 'the end of the turn' });
    expect(follower.all('owner_changed')).toHaveLength(1);
    // By the gateway whose clock is ahead; whoever takes it.
    const client = clientOf(gateway);
    const created = await newSession(client);
    const startedAt = performance.now();
    expect((await created.turn('say two')).stopReason).toBe('end_turn');
    expect(performance.now() - startedAt).toBeLessThan(10_000);

    await follower.session.prompt('soon 600000');
    const begun = (): number =>
      follower.all('message_completed').filter(({ text }) => text === 'begun').length;
    await follower.until(() => begun() === 2, { what: 'the long turn' });
    const killedAt = performance.now();
    await first.stop('SIGKILL');
    await follower.until(() => follower.all('turn_interrupted').length === 1, { what: 'the takeover' });
    expect(performance.now() - killedAt).toBeLessThan(8_000);
    expect(await ownerOf(rig.log.redis, sessionId)).toBe('behind');
    expect((await follower.turn('say three')).stopReason).toBe('end_turn');
    expect(await rig.log.verdict(sessionId)).toMatchObject(NOTHING_WRONG);
    created.stop();
    client.close();
  });
});
