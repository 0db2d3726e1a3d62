// How long a session's child lives: idle timers, places, memory, restarts; and what the next owner makes of a
// session whose owner is gone.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createCommandInbox,
  createEventLog,
  createSessionStore,
  type EventLog,
  type Redis,
} from '@holdfast/shared/store';
import { Admission } from '../../apps/worker/src/session/admission.ts';
import { processesMentioning } from '../support/proc.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { runSession } from './running-session.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

const noParking = (): boolean => false;

describe('an idle child', () => {
  it('is parked after its time, and its session put to rest: no process, the log a snapshot [A-10]', async () => {
    await using one = await runSession(redis, { limits: { idleMs: 150 } });
    const ended = await one.endOf(await one.prompt('say hello'));
    await until(() => one.overs.length > 0, { what: 'the session to rest' });
    expect(one.overs).toEqual(['parked']);
    expect(await processesMentioning(one.sessionId)).toEqual([]);
    expect(await one.events()).toEqual([]);
    const history = await createEventLog(redis).readHistory({
      sessionId: one.sessionId,
      before: null,
      limit: 1,
    });
    expect(history.map(({ frame }) => JSON.parse(frame))).toMatchObject([
      { type: 'child_parked', reason: 'idle' },
    ]);
    expect(ended.texts).toEqual(['hello']);
    // The next command finds a new owner, which goes on with the conversation.
    await using next = await runSession(redis, { sessionId: one.sessionId, dir: one.dir });
    expect((await next.endOf(await next.prompt('say again'))).texts).toEqual(['again']);
    expect(await next.one('child_started')).toMatchObject({ resumed: true });
  });

  it('stays for ever when the time is 0, and is told as idle only while it is', async () => {
    await using one = await runSession(redis);
    expect(one.runner.idleSince).toBeNull();
    expect(one.runner.park('room_needed')).toBe(false);
    await one.endOf(await one.prompt('say hello'));
    await until(() => one.runner.idleSince !== null, { what: 'the child to be idle' });
    await one.prompt('hang', 'busy');
    await until(() => one.runner.idleSince === null, { what: 'the child to be busy' });
    expect(one.runner.park('room_needed')).toBe(false);
    expect(one.runner.hasChild).toBe(true);
  });

  it('that works on something behind its turns is not parked until that ends [A-11]', async () => {
    const limits = { idleMs: 150 };
    await using busy = await runSession(redis, { limits });
    await busy.endOf(await busy.prompt('background'));
    // The same time with nothing behind the turn: the other session shows that it is over.
    await using other = await runSession(redis, { limits });
    await other.endOf(await other.prompt('say hello'));
    await until(() => other.overs.length > 0, { what: 'the other session to rest' });
    expect(busy.overs).toEqual([]);
    expect(busy.runner.idleSince).toBeNull();
    expect(busy.runner.park('room_needed')).toBe(false);
    await busy.order({ type: 'abort', turnId: null, queue: 'keep', background: 'stop' });
    await until(() => busy.overs.length > 0, { what: 'the session to rest' });
    expect(busy.overs).toEqual(['parked']);
  });

  it('is not parked twice, and a command that comes meanwhile is served with a new child [A-10]', async () => {
    await using one = await runSession(redis);
    await one.endOf(await one.prompt('say hello'));
    await until(() => one.runner.idleSince !== null, { what: 'the child to be idle' });
    expect(one.runner.park('room_needed')).toBe(true);
    expect(one.runner.park('room_needed')).toBe(false);
    const promptId = await one.prompt('say at once');
    await until(async () => (await createSessionStore(redis).read(one.sessionId))?.status === 'idle', {
      what: 'the session to be idle',
    });
    expect((await one.endOf(promptId)).texts).toEqual(['at once']);
    expect(await one.all('turn_interrupted')).toEqual([]);
    expect(one.overs).toEqual([]);
  });

  it('that uses too much memory is ended between turns, and the next prompt starts another', async () => {
    await using one = await runSession(redis, { limits: { memoryBytes: 1 } });
    await one.endOf(await one.prompt('say hello'));
    expect(await one.one('child_exited')).toMatchObject({ cause: 'memory_limit', expected: true });
    expect((await one.endOf(await one.prompt('say again'))).texts).toEqual(['again']);
    expect(await one.all('child_started')).toHaveLength(2);
  });
});

describe('places [E-06]', () => {
  it('a session without one waits visibly, and goes on when one is free', async () => {
    const admission = new Admission({ capacity: 1, parkIdlest: noParking });
    await using first = await runSession(redis, { admission });
    await first.endOf(await first.prompt('say first'));
    await using second = await runSession(redis, { admission });
    const promptId = await second.prompt('say second');
    expect(await second.one('notice', { kind: 'waiting' })).toMatchObject({ data: { position: 1 } });
    expect(second.runner.hasChild).toBe(false);
    await first.order({ type: 'delete' });
    expect((await second.endOf(promptId)).texts).toEqual(['second']);
  });

  it('an idle child makes room for a session that waits', async () => {
    const parked: string[] = [];
    const admission: Admission = new Admission({
      capacity: 1,
      parkIdlest: () => {
        parked.push('asked');
        return first.runner.park('room_needed');
      },
    });
    await using first = await runSession(redis, { admission });
    await first.endOf(await first.prompt('say first'));
    await until(() => first.runner.idleSince !== null, { what: 'the child to be idle' });
    await using second = await runSession(redis, { admission });
    expect((await second.endOf(await second.prompt('say second'))).texts).toEqual(['second']);
    expect(parked).toEqual(['asked']);
    expect(first.overs).toEqual(['parked']);
  });
});

describe('a child that keeps dying', () => {
  it('is started more and more slowly, visibly; a turn that ends makes it well again', async () => {
    await using one = await runSession(redis);
    const die = async (): Promise<void> => {
      const promptId = await one.prompt('die-mid-line');
      const { turnId } = await one.one('turn_started', { promptId });
      await one.one('turn_interrupted', { turnId });
    };
    await die();
    await die();
    expect(await one.one('notice', { kind: 'warning' })).toMatchObject({
      data: { failures: 2, pauseMs: 500 },
    });
    expect((await one.endOf(await one.prompt('say well'))).texts).toEqual(['well']);
    await die();
    expect((await one.all('notice')).filter((event) => event.kind === 'warning')).toHaveLength(1);
  });
});

describe('the next owner of a session [B-07] [B-08] [E-03]', () => {
  /** An append with this text is stored, but its owner never learns it: it hangs, as if it were gone. */
  const hangAfter =
    (text: string) =>
    (log: EventLog): EventLog => ({
      ...log,
      append: async (input) => {
        const result = await log.append(input);
        if (input.frames.some((frame) => frame.includes(text))) await new Promise(() => {});
        return result;
      },
    });

  it('tells a delivered turn as interrupted and does not run it again; what waited runs', async () => {
    const old = await runSession(redis);
    await old.prompt('hang', 'in-flight');
    const { turnId } = await old.one('turn_started');
    await old.prompt('say waited', 'waits');
    await until(async () => (await createCommandInbox(redis).readQueue(old.sessionId)).waiting.length > 0, {
      what: 'the queue',
    });
    await until(async () => isWritten(old.dir, turnId), { what: 'the prompt in the transcript' });
    await using next = await runSession(redis, { sessionId: old.sessionId, dir: old.dir });
    expect((await next.endOf('waits')).texts).toEqual(['waited']);
    expect(await next.all('turn_interrupted')).toMatchObject([
      { delivered: true, reason: 'The worker that ran it was lost.' },
    ]);
    expect((await next.all('turn_started')).filter((event) => event.promptId === 'in-flight')).toHaveLength(
      1,
    );
    expect(await createCommandInbox(redis).readQueue(next.sessionId)).toEqual({ waiting: [], taken: [] });
    await old[Symbol.asyncDispose]();
  });

  it('runs a prompt again that provably never reached the CLI', async () => {
    const old = await runSession(redis, { log: hangAfter('"turn_started"') });
    await old.prompt('say hello', 'taken');
    await old.one('turn_started');
    await using next = await runSession(redis, { sessionId: old.sessionId, dir: old.dir });
    expect((await next.endOf('taken')).texts).toEqual(['hello']);
    expect(await next.all('turn_interrupted')).toMatchObject([{ delivered: false }]);
    expect((await next.all('turn_started')).map((event) => event.attempt)).toEqual([1, 2]);
    await stopChildren(old.sessionId);
    await next[Symbol.asyncDispose]();
    await rm(old.dir, { recursive: true });
  });
});

/** Ends what an owner that hangs has left. */
async function stopChildren(sessionId: string): Promise<void> {
  for (const { pid } of await processesMentioning(sessionId)) process.kill(pid, 'SIGKILL');
}

/** Whether some transcript below `dir` names the turn: its prompt has reached the child. */
async function isWritten(dir: string, turnId: string): Promise<boolean> {
  const names = await readdir(dir, { recursive: true });
  const texts = await Promise.all(
    names.filter((name) => name.endsWith('.jsonl')).map(async (name) => readFile(join(dir, name), 'utf8')),
  );
  return texts.some((text) => text.includes(turnId));
}
