import { CreateId, EMPTY_VIEW, UserId, WorkerId } from '@holdfast/shared/protocol';
import { createEventLog, createSessionStore } from '@holdfast/shared/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventWriter } from '../../apps/worker/src/session/event-writer.ts';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => server[Symbol.asyncDispose]());

const userId = UserId.parse('local');

async function openWriter(historyCapBytes: number) {
  const redis = server.connect();
  const store = createSessionStore(redis);
  const log = createEventLog(redis);
  const { sessionId } = await store.reserveId(userId, CreateId.parse(`cap-${historyCapBytes}`));
  const settings = { permissionMode: 'default' as const, allowedTools: [], disallowedTools: [] };
  await store.create({
    sessionId,
    userId,
    epoch: 'e1',
    cwd: '/w',
    title: null,
    settings,
    frame: '{"offset":1}',
    at: 1,
  });
  const observed = await store.read(sessionId);
  if (observed === null) throw new Error('no session');
  const workerId = WorkerId.parse('w1');
  const claim = await store.claim({
    observed,
    workerId,
    incarnation: 'i1',
    freshEpoch: 'e2',
  });
  if (claim.status !== 'claimed') throw new Error(claim.status);
  const writer = new EventWriter({
    log,
    logger: silentLogger,
    owner: claim.ownership,
    view: { ...EMPTY_VIEW, offset: 1 },
    now: () => 1,
    historyCapBytes,
    onLost: (reason) => expect.unreachable(reason),
    onPressure: () => undefined,
  });
  return { writer, log, sessionId };
}

describe('the history of a session', () => {
  it('loses its oldest part only over its byte cap, and says how far [D-13]', async () => {
    const { writer, log, sessionId } = await openWriter(20_000);
    const text = 'x'.repeat(900);
    for (let index = 0; index < 40; index += 1) {
      writer.push([{ type: 'notice', kind: 'info', text: `${index} ${text}` }]);
      await writer.flushed();
    }
    const kept = async () => log.readHistory({ sessionId, before: null, limit: 200 });
    const trims = await until(
      async () => {
        const found = (await kept()).filter(({ frame }) => frame.includes('history_trimmed'));
        return found.length > 0 ? found : null;
      },
      { what: 'a trim of the history' },
    );
    await writer.flushed();
    const frames = await kept();
    const last = JSON.parse(trims.at(-1)?.frame ?? '{}') as { before: number }; // written by this test's writer
    const bytes = frames.reduce((sum, { frame }) => sum + frame.length, 0);
    expect(bytes).toBeLessThanOrEqual(20_000 + 2_000);
    expect(bytes).toBeGreaterThan(10_000);
    expect(frames[0]?.offset).toBeGreaterThanOrEqual(last.before);
    const notices = frames.filter(({ frame }) => frame.includes('"notice"')).map(({ offset }) => offset);
    expect(notices).toEqual(notices.toSorted((one, other) => one - other));
  });

  it('is complete below the cap', async () => {
    const { writer, log, sessionId } = await openWriter(1_000_000);
    for (let index = 0; index < 20; index += 1)
      writer.push([{ type: 'notice', kind: 'info', text: `${index}` }]);
    await writer.flushed();
    expect(await log.readHistory({ sessionId, before: null, limit: 200 })).toHaveLength(21);
  });
});
