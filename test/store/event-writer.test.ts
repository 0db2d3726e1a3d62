// The writer of a session's log against a real Redis: order, retries, fences, back-pressure, snapshots.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  applyEvent,
  EMPTY_VIEW,
  mintTurnId,
  PromptId,
  SessionEvent,
  SessionView,
  SNAPSHOT_LIMITS,
  textContent,
  UserId,
} from '@holdfast/shared/protocol';
import { createCommandRedis, createEventLog, createSessionStore, type Redis } from '@holdfast/shared/store';
import { foldLog } from '../../apps/worker/src/claim/claimer.ts';
import { deltas, notices, ownSession } from '../support/fake-owner.ts';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { ended, started, startWriting } from './event-writing.ts';

const user = UserId.parse('local');
let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

describe('writing', () => {
  it('pushes of one moment and those that come while one is in flight are sent in order, one call at a time [D-01]', async () => {
    let inFlight = 0;
    let most = 0;
    let calls = 0;
    const { writer, events } = await startWriting(redis, (log) => ({
      ...log,
      append: async (input) => {
        calls += 1;
        inFlight += 1;
        most = Math.max(most, inFlight);
        const result = await log.append(input);
        inFlight -= 1;
        return result;
      },
    }));
    writer.push(notices(2, 'a'));
    writer.push(notices(1, 'b'));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(inFlight).toBe(1);
    for (let n = 0; n < 50; n += 1) writer.push(deltas(1, `w${n} `));
    writer.push(notices(1, 'c'));
    expect(await writer.flushed()).toBe(true);
    expect(most).toBe(1);
    expect(calls).toBe(2);
    const all = (await events()).slice(1);
    expect(all.map((event) => event.offset)).toEqual([2, 3, 4, 5, 6]);
    const text = all.map((event) => (event.type === 'message_delta' ? event.text : '')).join('');
    expect(text).toBe(Array.from({ length: 50 }, (_, n) => `w${n} `).join(''));
    expect(await writer.flushed()).toBe(true);
  });

  it('nothing pushed is nothing sent', async () => {
    const { writer, stored } = await startWriting(redis);
    writer.push([]);
    expect(await writer.flushed()).toBe(true);
    expect(await stored()).toHaveLength(1);
  });

  it('what lists show follows from the events, in the same append', async () => {
    const { writer, owner } = await startWriting(redis);
    const store = createSessionStore(redis);
    const turnId = mintTurnId();
    writer.push([
      { type: 'prompt_queued', promptId: PromptId.parse('p'), content: textContent('Title\nrest'), by: user },
    ]);
    writer.push([started(turnId)]);
    await writer.flushed();
    expect(await store.read(owner.sessionId)).toMatchObject({ status: 'running', turnId, title: 'Title' });
    writer.push([ended(turnId)]);
    await writer.flushed();
    expect(await store.read(owner.sessionId)).toMatchObject({ status: 'queued', turnId: null, updatedAt: 7 });
  });
});

describe('a Redis that fails', () => {
  it('a reply that is lost leads to no second copy [D-11]', async () => {
    await using proxy = await startTcpProxy({ target: { path: server.address.url } });
    const { password } = server.address;
    const url = `redis://127.0.0.1:${proxy.port}`;
    const through = createCommandRedis({ url, password }, silentLogger, 'proxied');
    try {
      const { writer, events } = await startWriting(redis, () => createEventLog(through));
      writer.push(notices(1, 'first'));
      await writer.flushed();
      proxy.apply({ kind: 'lose_reply', to: 'the-lost-one' });
      writer.push(notices(1, 'the-lost-one'));
      writer.push(notices(1, 'after'));
      expect(await writer.flushed()).toBe(true);
      expect(proxy.accepted()).toBeGreaterThan(1);
      const texts = (await events()).map((event) => (event.type === 'notice' ? event.text : event.type));
      expect(texts).toEqual(['session_created', 'first0', 'the-lost-one0', 'after0']);
    } finally {
      through.disconnect();
    }
  });

  it('so much waits that the source is paused, and nothing is dropped when Redis answers again', async () => {
    const { writer, pressure, events } = await startWriting(redis);
    server.process().kill('SIGSTOP');
    try {
      writer.push(notices(1, 'sent'));
      await pause(0);
      for (let n = 0; n < 200; n += 1) writer.push([...deltas(1, 'x'.repeat(4_000)), ...notices(1)]);
      expect(pressure).toEqual([true]);
    } finally {
      server.process().kill('SIGCONT');
    }
    expect(await writer.flushed()).toBe(true);
    expect(pressure).toEqual([true, false]);
    expect(await events()).toHaveLength(2 + 400);
  });
});

describe('an owner that lost its session', () => {
  it('to a newer fence writes nothing more, and is told once [E-01] [E-04]', async () => {
    const { writer, owner, lost, stored } = await startWriting(redis);
    writer.push(notices(1));
    await writer.flushed();
    await ownSession(redis, owner.sessionId);
    const before = await stored();
    writer.push(notices(1, 'too late'));
    const waiting = writer.flushed();
    writer.push(notices(1, 'later still'));
    expect(await waiting).toBe(false);
    writer.push(notices(1, 'never'));
    expect(await writer.flushed()).toBe(false);
    expect(lost).toEqual(['fenced']);
    expect(await stored()).toEqual(before);
  });

  it('to a delete is told so', async () => {
    const { writer, owner, lost } = await startWriting(redis);
    await createSessionStore(redis).delete(owner.ownership, user);
    writer.push(notices(1));
    expect(await writer.flushed()).toBe(false);
    expect(lost).toEqual(['not_found']);
  });
});

describe('snapshots [D-03]', () => {
  it('are the fold of the events up to their offset, under 64 KB, and stand before everything that was trimmed', async () => {
    const all: SessionEvent[] = [];
    const { writer, owner, log } = await startWriting(redis, (real) => ({
      ...real,
      append: async (input) => {
        all.push(...input.frames.map((frame) => SessionEvent.parse(JSON.parse(frame))));
        return real.append(input);
      },
    }));
    for (let turn = 0; turn < 6; turn += 1) {
      const turnId = mintTurnId();
      writer.push([started(turnId)]);
      for (let n = 0; n < 450; n += 1) {
        writer.push([...deltas(1, `${turn}.${n} ${'y'.repeat(400)}`), ...notices(1, `n${n}`)]);
      }
      writer.push([ended(turnId)]);
      await writer.flushed();
    }
    const resumed = await log.resume({ sessionId: owner.sessionId, userId: user, position: null, limit: 1 });
    if (resumed.status !== 'reset' || resumed.snapshot === null) throw new Error('there is no snapshot');
    const created = await log.readHistory({ sessionId: owner.sessionId, before: 2, limit: 1 });
    const first = created.map(({ frame }) => SessionEvent.parse(JSON.parse(frame)));
    const upTo = [...first, ...all].filter((event) => event.offset <= resumed.snapshotOffset);
    const folded = upTo.reduce((view, event) => applyEvent(view, event, SNAPSHOT_LIMITS), EMPTY_VIEW);
    expect(SessionView.parse(JSON.parse(resumed.snapshot))).toEqual(folded);
    expect(Buffer.byteLength(resumed.snapshot)).toBeLessThan(65_536);
    const [oldest] = await log.readAfter({ sessionId: owner.sessionId, after: 0, limit: 1 });
    expect(oldest?.offset).toBeGreaterThan(1);
    expect(oldest?.offset).toBeLessThanOrEqual(resumed.snapshotOffset + 1);
    const again = await foldLog(log, owner.sessionId, writer.view.offset);
    expect(again).toEqual(writer.view);
  });

  it('a session that is put to rest keeps its snapshot only', async () => {
    const { writer, owner, log, stored } = await startWriting(redis);
    writer.push(notices(5));
    await writer.flushed();
    writer.compact();
    writer.push([{ type: 'child_parked', reason: 'idle' }]);
    await writer.flushed();
    expect(await stored()).toEqual([]);
    expect(await foldLog(log, owner.sessionId, writer.view.offset)).toEqual(writer.view);
    const { epoch } = owner.ownership;
    const position = { epoch, offset: writer.view.offset };
    expect(await log.resume({ sessionId: owner.sessionId, userId: user, position, limit: 1 })).toMatchObject({
      status: 'continue',
      frames: [],
    });
    await until(
      async () => (await createSessionStore(redis).read(owner.sessionId))?.head === position.offset,
      {
        what: 'the head',
      },
    );
  });
});
