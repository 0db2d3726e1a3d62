// What keeps an idle child of the real CLI, what ends it, and what it begins by itself.
import type { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLiving, processesLike, uniqueSleep } from '../support/proc.ts';
import { runToExit, type Service } from '../support/processes.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from './support/system.ts';

/** 1.2 s. */
const IDLE = { HOLDFAST_IDLE_MINUTES: '0.02' };
let system: System;
let worker: Service;
let client: Client;

beforeAll(async () => {
  system = await startSystem();
  worker = await system.startWorker(IDLE);
  client = clientOf(system.gateway);
});
afterAll(async () => {
  client.close();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

const background = (command: string): string =>
  `[[tool Bash ${JSON.stringify({ command, run_in_background: true })}]]`;
/** The next time that its child is parked, counted from the last event seen. */
function parked(one: Follower): Promise<unknown> {
  const seen = one.events.at(-1)?.offset ?? 0;
  const isNext = (event: { readonly offset: number; readonly reason: string }): boolean =>
    event.offset > seen && event.reason === 'idle';
  return one.until(() => one.all('child_parked').find(isNext), { what: 'the child to be parked' });
}

describe('an idle child', () => {
  it('is parked after its time, but not while something goes on or waits for a person [A-10] [A-11]', async () => {
    const settings = { allowedTools: ['Bash'] };
    const [busy, asking, idle] = await Promise.all([
      newSession(client, { settings }),
      newSession(client),
      newSession(client),
    ]);
    const seconds = uniqueSleep();
    await busy.turn(`${background(`sleep ${seconds}`)} [[say it runs]]`);
    await asking.session.prompt('[[tool Bash {"command":"touch asked"}]] [[say done]]');
    await asking.one('approval_requested');
    // The time of the third one began last, and is over when it is parked.
    await idle.turn('[[say hello]]');
    const { pid } = idle;
    await parked(idle);
    await expect.poll(async () => isLiving(pid)).toBe(false);
    expect(await isLiving(busy.pid)).toBe(true);
    expect(await isLiving(asking.pid)).toBe(true);
    expect(await processesLike(`sleep ${seconds}`)).not.toEqual([]);
    // The session goes on where it was, with a new child.
    const next = await idle.turn('[[say again]]');
    expect(idle.textOf(next.turnId)).toBe('again');
    expect(idle.all('child_started').at(-1)).toMatchObject({ resumed: true });
    // What has nothing more to do is parked like any other.
    const rested = [parked(busy), parked(asking)];
    await busy.session.abort({ background: 'stop' });
    await asking.session.abort();
    await Promise.all(rested);
  });

  it('begins a turn by itself when its background work ends; the next prompt has its own [A-15]', async () => {
    const one = await newSession(client, { settings: { allowedTools: ['Bash'] } });
    const first = await one.turn(
      `${background('sleep 1')} [[say It runs.]] [[stop end_turn]] [[say It has finished.]]`,
    );
    expect(one.textOf(first.turnId)).toBe('It runs.');
    const own = await one.one('turn_started', { promptId: null });
    await one.one('turn_ended', { turnId: own.turnId });
    expect(one.textOf(own.turnId)).toBe('It has finished.');
    const next = await one.turn('[[say mine]]');
    expect(one.textOf(next.turnId)).toBe('mine');
  });

  it.each(['-1', 'soon'])(
    'that is to wait for %s minutes is a worker that refuses to start [A-10]',
    async (minutes) => {
      const { code, output } = await runToExit({
        main: 'apps/worker/src/main.ts',
        env: { REDIS_URL: system.redis.address.url, HOLDFAST_IDLE_MINUTES: minutes },
      });
      expect(code).toBe(1);
      expect(output).toMatch(/HOLDFAST_IDLE_MINUTES/);
    },
  );
});
