// Places for children on a worker: beyond them sessions wait where people see it, and what was idle for the longest time
// makes room. The children are scripted agents: how many there are, not what they say, is what is shown here.
import { fileURLToPath } from 'node:url';
import type { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesMentioning } from '../../support/proc.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from '../../e2e/support/system.ts';

const AGENT = fileURLToPath(new URL('../../../apps/worker/test/children/agent.mjs', import.meta.url));

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

async function childCount(): Promise<number> {
  const ours = await processesMentioning(system.dataDir);
  return ours.filter(({ command }) => command.includes(AGENT) && !command.includes('unshare')).length;
}

/** A session with a turn that does not end by itself. */
async function busy(one: Follower): Promise<void> {
  const { promptId } = await one.session.prompt('hang');
  await one.one('turn_started', { promptId });
}

describe('a worker with two places [E-06]', () => {
  it('parks the child that was idle for the longest time; when none is idle, sessions wait with their position', async () => {
    await using _worker = await system.startWorker({ CLAUDE_PATH: AGENT, HOLDFAST_MAX_CHILDREN: '2' });
    const first = await newSession(client);
    await first.turn('say one');
    const second = await newSession(client);
    await second.turn('say two');
    await first.turn('say one again');
    const third = await newSession(client);
    await third.turn('say three');
    expect(await second.one('child_parked')).toMatchObject({ reason: 'room_needed' });
    expect([first, third].flatMap((one) => one.all('child_parked'))).toEqual([]);

    await busy(first);
    await busy(third);
    expect(await childCount()).toBe(2);
    const waiting = await second.session.prompt('say at last');
    expect(await second.one('notice', { kind: 'waiting' })).toMatchObject({ data: { position: 1 } });
    const fourth = await newSession(client);
    expect(await fourth.one('notice', { kind: 'waiting' })).toMatchObject({ data: { position: 2 } });
    expect((await client.http.inspect(second.session.sessionId)).session.status).toBe('queued');
    expect(await childCount()).toBe(2);

    await first.session.abort();
    await second.one('turn_started', { promptId: waiting.promptId });
    await fourth.until(() => fourth.all('notice').some((event) => event.data?.['position'] === 1), {
      what: 'the next position',
    });
    await third.session.abort();
    await fourth.one('child_started');
    expect(await childCount()).toBeLessThanOrEqual(2);
  });

  it('starts a child anew between turns that uses more memory than it may', async () => {
    await using _worker = await system.startWorker({ CLAUDE_PATH: AGENT, HOLDFAST_CHILD_MEMORY_MB: '1' });
    const one = await newSession(client);
    const ended = await one.turn('say small');
    expect(await one.one('child_exited')).toMatchObject({ cause: 'memory_limit', expected: true });
    const next = await one.turn('say again');
    expect([one.textOf(ended.turnId), one.textOf(next.turnId)]).toEqual(['small', 'again']);
  });
});
