// Which worker takes a session: the one that had it before, while it lives and has room; else any that has room.
// The children are scripted agents: who owns a session, not what a CLI says, is what is shown here.
import { fileURLToPath } from 'node:url';
import type { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../support/processes.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from '../../e2e/support/system.ts';

const AGENT = fileURLToPath(new URL('../../../apps/worker/test/children/agent.mjs', import.meta.url));
/** An idle child is parked after 0.3 s. */
const PARKS_SOON = '0.005';

let system: System;
let client: Client;

beforeAll(async () => {
  system = await startSystem();
  client = clientOf(system.gateway);
});
afterAll(async () => {
  client.close();
  await system[Symbol.asyncDispose]();
});

const worker = async (name: string, env: Readonly<Record<string, string>> = {}): Promise<Service> =>
  system.startWorker({
    ...{ HOLDFAST_WORKER_ID: name, CLAUDE_PATH: AGENT, HOLDFAST_IDLE_MINUTES: PARKS_SOON },
    ...env,
  });

/** Who claimed the session, in order. */
const owners = (one: Follower): (string | null)[] => one.all('owner_changed').map((event) => event.workerId);

async function untilParked(one: Follower, times: number): Promise<void> {
  await one.until(() => one.all('child_parked').length === times, { what: `parking ${times}` });
  await one.until(async () => (await client.http.inspect(one.session.sessionId)).owner.workerId === null, {
    what: 'the session to be given up',
  });
}

describe('a parked session [E-02]', () => {
  it('goes back to its last owner, although others have room', async () => {
    await using _one = await worker('one');
    await using _two = await worker('two');
    const sessions = await Promise.all(Array.from({ length: 6 }, async () => newSession(client)));
    await Promise.all(sessions.map(async (one) => one.turn('say hello')));
    await Promise.all(sessions.map(async (one) => untilParked(one, 1)));
    await Promise.all(sessions.map(async (one) => one.turn('say again')));
    for (const one of sessions) {
      const [first = '', ...later] = owners(one);
      expect(later).toEqual([first]);
    }
  });

  it('is taken by another worker when its last owner is full, or gone', async () => {
    const full = await worker('full', { HOLDFAST_MAX_CHILDREN: '1' });
    const one = await newSession(client);
    await one.turn('say hello');
    await untilParked(one, 1);
    const busy = await newSession(client);
    await busy.session.prompt('hang');
    await busy.one('turn_started');
    await using _other = await worker('other');
    await one.turn('say elsewhere');
    expect(owners(one)).toEqual(['full', 'other']);
    await untilParked(one, 2);
    await full.stop('SIGTERM');
    await one.turn('say still there');
    expect(owners(one)).toEqual(['full', 'other', 'other']);
    await using _last = await worker('last');
    await untilParked(one, 3);
    await _other.stop('SIGTERM');
    await one.turn('say moved');
    expect(owners(one)).toEqual(['full', 'other', 'other', 'last']);
  });
});
