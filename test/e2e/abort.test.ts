// Aborting a turn: what runs under it is gone, the CLI lives and takes the next prompt.
import type { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLiving, processesLike, uniqueSleep } from '../support/proc.ts';
import type { Service } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from './support/system.ts';

let system: System;
let worker: Service;
let client: Client;
let one: Follower;

beforeAll(async () => {
  system = await startSystem();
  worker = await system.startWorker();
  client = clientOf(system.gateway);
  one = await newSession(client, { settings: { allowedTools: ['Bash'] } });
  await one.turn('[[say ready]]');
});
afterAll(async () => {
  client.close();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

const tool = (command: string): string => `[[tool Bash ${JSON.stringify({ command })}]] [[say never]]`;

async function gone(text: string, limitMs: number): Promise<void> {
  await until(async () => (await processesLike(text)).length === 0, {
    what: `no process like ${text}`,
    limitMs,
  });
}

describe('an abort', () => {
  it('ends a running Bash and all under it within a second; the CLI lives and takes the next prompt [C-01] [A-16]', async () => {
    const { pid } = one;
    const seconds = uniqueSleep();
    const { promptId } = await one.session.prompt(tool(`sleep ${seconds} & (sleep ${seconds}) ; wait`));
    const { turnId } = await one.one('turn_started', { promptId });
    await until(async () => (await processesLike(`sleep ${seconds}`)).length >= 2, {
      what: 'the tool to run',
    });
    expect(await one.session.abort()).toEqual({ turnId });
    const ended = await one.one('turn_ended', { turnId });
    await gone(`sleep ${seconds}`, 1_000);
    expect(ended).toMatchObject({ stopReason: 'aborted', error: null });
    expect(await isLiving(pid)).toBe(true);
    const next = await one.turn('[[say going on]]');
    expect(one.textOf(next.turnId)).toBe('going on');
    expect(one.pid).toBe(pid);
  });

  it('keeps what goes on in the background visibly, or ends it with `background: stop` [C-01] [A-11]', async () => {
    const seconds = uniqueSleep();
    const background = JSON.stringify({ command: `sleep ${seconds}`, run_in_background: true });
    const { promptId } = await one.session.prompt(`[[tool Bash ${background}]] [[text count=1000 rate=50]]`);
    const { turnId } = await one.one('turn_started', { promptId });
    const { taskId } = await one.one('task_started', { turnId, kind: 'shell' });
    await one.one('message_delta', { turnId });
    await one.session.abort({ turnId });
    await one.one('turn_ended', { turnId, stopReason: 'aborted' });
    const { sessionId } = one.session;
    expect(await processesLike(`sleep ${seconds}`)).not.toEqual([]);
    expect((await client.http.inspect(sessionId)).view.tasks).toMatchObject([{ taskId }]);
    // Between turns too: nothing but the task is there to stop.
    expect(await one.session.abort({ background: 'stop' })).toEqual({ turnId: null });
    await one.one('task_ended', { taskId, status: 'stopped' });
    await gone(`sleep ${seconds}`, 1_000);
    expect((await client.http.inspect(sessionId)).view.tasks).toEqual([]);
    const next = await one.turn('[[say still here]]');
    expect(one.textOf(next.turnId)).toBe('still here');
  });

  it('in mid-stream keeps what was shown, ends the turn once, and takes no later turn along [C-03]', async () => {
    const { pid } = one;
    const { promptId } = await one.session.prompt('[[text count=1000 rate=50]]');
    const { turnId } = await one.one('turn_started', { promptId });
    await one.one('message_delta', { turnId });
    const aborts = await Promise.all([
      one.session.abort(),
      one.session.abort({ turnId }),
      one.session.abort(),
    ]);
    // One that is read after the turn's end finds nothing to abort.
    expect(new Set([...aborts.map((abort) => abort.turnId), null])).toEqual(new Set([turnId, null]));
    await one.one('turn_ended', { turnId, stopReason: 'aborted' });
    // Named again after its end, it must not touch the next turn.
    const after = await one.session.prompt('[[slow ms=300]] [[say untouched]]');
    const second = await one.one('turn_started', { promptId: after.promptId });
    await one.session.abort({ turnId });
    expect(await one.one('turn_ended', { turnId: second.turnId })).toMatchObject({ stopReason: 'end_turn' });
    expect(one.all('turn_ended').filter((event) => event.turnId === turnId)).toHaveLength(1);
    expect(one.all('message_completed').filter((event) => event.turnId === turnId)).toHaveLength(1);
    expect(one.pid).toBe(pid);
  });

  it('before the first token leaves a session that works', async () => {
    const { promptId } = await one.session.prompt('[[slow ms=20000]] [[say late]]');
    const { turnId } = await one.one('turn_started', { promptId });
    await one.session.abort({ turnId });
    expect(await one.one('turn_ended', { turnId }, 5_000)).toMatchObject({ stopReason: 'aborted' });
    const next = await one.turn('[[say works]]');
    expect(one.textOf(next.turnId)).toBe('works');
  });

  it('overtakes the queue, which is kept and paused, and goes on with the next prompt [C-05]', async () => {
    const first = await one.session.prompt('[[text count=1000 rate=50]]');
    const { turnId } = await one.one('turn_started', { promptId: first.promptId });
    const second = await one.session.prompt('[[say kept]]');
    await one.one('prompt_queued', { promptId: second.promptId });
    await one.session.abort({ turnId });
    await one.one('turn_ended', { turnId, stopReason: 'aborted' });
    expect((await client.http.inspect(one.session.sessionId)).view).toMatchObject({
      queue: [{ promptId: second.promptId }],
      queuePaused: true,
      turn: null,
    });
    const third = await one.turn('[[say third]]');
    const order = one.all('turn_started').map((event) => event.promptId);
    expect(order.indexOf(second.promptId)).toBe(order.length - 2);
    expect(one.textOf(third.turnId)).toBe('third');
  });

  it('can clear the queue [C-05]', async () => {
    const first = await one.session.prompt('[[text count=1000 rate=50]]');
    const { turnId } = await one.one('turn_started', { promptId: first.promptId });
    const second = await one.session.prompt('[[say dropped]]');
    await one.one('prompt_queued', { promptId: second.promptId });
    await one.session.abort({ turnId, queue: 'clear' });
    await one.one('turn_ended', { turnId, stopReason: 'aborted' });
    await one.turn('[[say after]]');
    expect(one.all('turn_started').map((event) => event.promptId)).not.toContain(second.promptId);
    expect((await client.http.inspect(one.session.sessionId)).view.queue).toEqual([]);
  });
});
