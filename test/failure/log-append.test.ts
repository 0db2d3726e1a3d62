// What happens between a writer and Redis: every event that was acknowledged is in the log once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserId } from '@holdfast/shared/protocol';
import { createCommandInbox, createEventLog, readServerInfo } from '@holdfast/shared/store';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { NOTHING_WRONG } from './support/expect.ts';
import { LogRig, type RigClient, type RigWriter } from './support/log-rig.ts';

const USER = UserId.parse('local');
let server: TestRedis;
let appendPath: TcpProxy;
let gateway: TestGateway;
let rig: LogRig;

beforeAll(async () => {
  server = await startRedis();
  appendPath = await startTcpProxy({ target: { path: server.address.url } });
  gateway = await startGateway({ redis: server });
  rig = new LogRig(server.connect(), { ...server.address, url: `redis://127.0.0.1:${appendPath.port}` });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await appendPath[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function begin(): Promise<{ writer: RigWriter; client: RigClient }> {
  const sessionId = await rig.createSession();
  const writer = await rig.claim(sessionId);
  const client = rig.follow(sessionId, { url: gateway.url });
  await writer.turns(1);
  await client.hasReached(writer.events.view.offset);
  return { writer, client };
}

async function expectAllOnce({ client }: { client: RigClient }): Promise<void> {
  const verdict = await rig.verdict(client.sessionId);
  expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: 1 } });
  expect(verdict.stats.resets).toEqual({});
}

describe('an append', () => {
  it('whose reply was lost is in the log once, although it was sent twice [E-01]', async () => {
    const { writer, client } = await begin();
    for (let round = 0; round < 10; round += 1) {
      const head = writer.events.view.offset;
      appendPath.apply({ kind: 'lose_reply', to: client.sessionId });
      writer.events.push([{ type: 'notice', kind: 'info', text: `round ${round}` }]);
      await writer.events.flushed();
      expect(writer.events.view.offset).toBe(head + 1);
    }
    expect(appendPath.accepted()).toBeGreaterThan(10);
    const attempts = rig.records.filter((record) => record.kind === 'attempt' && record.first > 1);
    expect(new Set(attempts.map((record) => JSON.stringify(record))).size).toBeLessThan(attempts.length);
    await expectAllOnce({ client });
  });

  it('goes on in order while Redis forgets its scripts again and again', async () => {
    const { writer, client } = await begin();
    const stop = new AbortController();
    const writing = writer.turnsUntil(stop.signal);
    for (let flush = 0; flush < 25; flush += 1) {
      const head = writer.events.view.offset;
      await rig.redis.script('FLUSH');
      await client.hasReached(head + 10);
    }
    stop.abort();
    await writing;
    await expectAllOnce({ client });
  });

  it('that meets a slow Redis waits: the source is paused, nothing is dropped', async () => {
    const { writer, client } = await begin();
    appendPath.apply({ kind: 'delay', ms: 150 });
    for (let step = 0; step < 3_000; step += 1) {
      writer.events.push([{ type: 'notice', kind: 'info', text: 'x'.repeat(200) }]);
    }
    expect(writer.isPaused).toBe(true);
    appendPath.heal();
    expect(await writer.events.flushed()).toBe(true);
    expect(writer.isPaused).toBe(false);
    const verdict = await rig.verdict(client.sessionId);
    expect(verdict).toMatchObject(NOTHING_WRONG);
  });
});

describe('a Redis that is full', () => {
  it('takes appends whole or not at all, and an abort; the source is paused, and all goes on when there is room', async () => {
    const { writer, client } = await begin();
    const head = writer.events.view.offset;
    const { usedMemoryBytes } = await readServerInfo(rig.redis);
    await rig.redis.config('SET', 'maxmemory', usedMemoryBytes - 1_000);
    for (let step = 0; step < 2_000; step += 1) {
      writer.events.push([
        { type: 'notice', kind: 'info', text: `${step} ${'y'.repeat(300)}` },
        { type: 'notice', kind: 'info', text: 'of the same step' },
      ]);
    }
    await until(() => writer.isPaused, { what: 'the source to be paused' });
    const refused = await fetch(`${gateway.url}/v1/sessions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ createId: 'when-full' }),
    });
    expect({ status: refused.status, body: await refused.json() }).toMatchObject({
      status: 507,
      body: { error: { code: 'storage_full' } },
    });
    const inbox = createCommandInbox(rig.redis);
    const of = { sessionId: client.sessionId, userId: USER };
    const abort = { type: 'abort', turnId: null, queue: 'keep', background: 'keep', by: USER } as const;
    expect(await inbox.submit({ ...of, command: abort })).toMatchObject({ status: 'accepted' });
    const open = { type: 'open', by: USER } as const;
    await expect(inbox.submit({ ...of, command: open })).rejects.toThrow(/OOM/);
    const whileFull = await createEventLog(rig.redis).heads([client.sessionId]);
    expect(whileFull[0]?.head).toBe(head);
    await rig.redis.config('SET', 'maxmemory', 0);
    expect(await writer.events.flushed()).toBe(true);
    expect(writer.events.view.offset).toBe(head + 4_000);
    await client.hasReached(head + 4_000);
    const verdict = await rig.verdict(client.sessionId);
    expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: 1 } });
  });
});
