// The same stream over Server-Sent Events, and the history pages [D-12] [D-13].
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMPTY_VIEW, formatPosition } from '@holdfast/shared/protocol';
import type { Redis } from '@holdfast/shared/store';
import {
  createStoredSession,
  notices,
  ownSession,
  writeUntil,
  type FakeOwner,
} from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { openSse } from '../support/sse-client.ts';
import { connect, coveredOffsets, range } from '../support/ws-client.ts';

let server: TestRedis;
let redis: Redis;
let one: TestGateway;
let two: TestGateway;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  [one, two] = await Promise.all([startGateway({ redis: server }), startGateway({ redis: server })]);
});
afterAll(async () => {
  await Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()]);
  await server[Symbol.asyncDispose]();
});

const newOwner = async (): Promise<FakeOwner> => ownSession(redis, await createStoredSession(redis));
const eventsUrl = (gateway: TestGateway, owner: FakeOwner): string =>
  `${gateway.url}/v1/sessions/${owner.sessionId}/events`;

describe('events over SSE', () => {
  it('are a reset, the log, a marker and live events, each with its position as id [D-12]', async () => {
    const owner = await newOwner();
    await owner.append(notices(2));
    await using stream = await openSse(eventsUrl(one, owner));
    expect([stream.status, stream.headers['content-type']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    await stream.untilOffset(3);
    await owner.append(notices(1));
    await stream.untilOffset(4);
    const { epoch } = owner.ownership;
    expect(stream.messages.map(({ event, id }) => [event, id])).toEqual([
      ['reset', `${epoch}:0`],
      ['events', `${epoch}:3`],
      ['caughtUp', undefined],
      ['events', `${epoch}:4`],
    ]);
    expect(stream.messages[0]?.data).toMatchObject({ type: 'reset', reason: 'new', snapshot: EMPTY_VIEW });
    expect(stream.messages[2]?.data).toEqual({ position: { epoch, offset: 3 } });
    expect(coveredOffsets(stream.events())).toEqual(range(1, 4));
  });

  it.each(['Last-Event-ID', '?after='])('go on after a position given by %s [D-02] [D-12]', async (how) => {
    const owner = await newOwner();
    await owner.append(notices(5));
    const position = formatPosition({ epoch: owner.ownership.epoch, offset: 4 });
    const url = eventsUrl(one, owner);
    await using stream =
      how === '?after='
        ? await openSse(`${url}?after=${position}`)
        : await openSse(url, { 'last-event-id': position });
    await stream.untilOffset(6);
    expect(stream.messages.some(({ event }) => event === 'reset')).toBe(false);
    expect(coveredOffsets(stream.events())).toEqual([5, 6]);
  });

  it('the id of a reconnecting browser is newer than the address it once opened', async () => {
    const owner = await newOwner();
    await owner.append(notices(5));
    const { epoch } = owner.ownership;
    await using stream = await openSse(`${eventsUrl(one, owner)}?after=${epoch}:1`, {
      'last-event-id': `${epoch}:5`,
    });
    await stream.untilOffset(6);
    expect(coveredOffsets(stream.events())).toEqual([6]);
  });

  it('a reader that is cut again and again has every event once, over both gateways [D-02] [D-12]', async () => {
    const owner = await newOwner();
    const stop = new AbortController();
    const writing = writeUntil(stop.signal, owner);
    const seen: number[] = [];
    let id = `${owner.ownership.epoch}:0`;
    for (let cut = 0; cut < 5; cut += 1) {
      await using stream = await openSse(eventsUrl(cut % 2 === 0 ? one : two, owner), {
        'last-event-id': id,
      });
      await stream.untilOffset(seen.length + 30);
      seen.push(...coveredOffsets(stream.events()));
      id = stream.lastId() ?? id;
    }
    stop.abort();
    await writing;
    await using last = await openSse(eventsUrl(one, owner), { 'last-event-id': id });
    await last.untilOffset(owner.head);
    seen.push(...coveredOffsets(last.events()));
    expect(seen).toEqual(range(1, owner.head));
  });

  it('a position that cannot be served is a reset with its reason [D-03]', async () => {
    const owner = await newOwner();
    const { epoch } = owner.ownership;
    for (const [after, reason] of [
      [`${epoch}:50`, 'ahead'],
      ['zzz:1', 'epoch'],
    ]) {
      await using stream = await openSse(`${eventsUrl(one, owner)}?after=${after}`);
      await stream.untilOffset(1);
      expect(stream.messages[0]).toMatchObject({ event: 'reset', data: { reason } });
    }
  });

  it('and over WebSocket are the same events at the same time [D-04]', async () => {
    const owner = await newOwner();
    await using stream = await openSse(eventsUrl(one, owner));
    await using client = await connect(one.wsUrl, { token: TEST_TOKEN });
    await client.attach(owner.sessionId);
    for (let batch = 0; batch < 10; batch += 1) await owner.append(notices(3));
    await Promise.all([stream.untilOffset(31), client.untilOffset(owner.sessionId, 31)]);
    expect(stream.events()).toEqual(client.events(owner.sessionId));
  });

  it('a stream of a session that is deleted ends', async () => {
    const owner = await newOwner();
    await using stream = await openSse(eventsUrl(one, owner));
    await stream.untilOffset(1);
    await http(`${two.url}/v1/sessions/${owner.sessionId}`, { method: 'DELETE' });
    await stream.ended;
    expect((await http(eventsUrl(one, owner))).status).toBe(404);
  });
});

describe('history', () => {
  it('gives what was kept, page by page backwards, also what the log has dropped [D-13]', async () => {
    const owner = await newOwner();
    const keepAll = (events: readonly unknown[]): { history: number[] } => ({
      history: events.map((_, index) => index),
    });
    await owner.append(notices(10), keepAll);
    await owner.append(notices(1), (events) => ({
      ...keepAll(events),
      snapshot: { offset: 12, json: JSON.stringify({ ...EMPTY_VIEW, offset: 12 }) },
      trimBefore: 12,
    }));
    const url = `${one.url}/v1/sessions/${owner.sessionId}/history`;
    const pages: unknown[][] = [];
    let before = '';
    for (let more = true; more;) {
      const { json } = await http(`${url}?limit=5${before}`);
      pages.unshift(json?.['events'] as unknown[]); // compared below
      before = `&before=${String(json?.['first'])}`;
      more = json?.['more'] === true;
    }
    expect(pages.map((page) => page.length)).toEqual([2, 5, 5]);
    expect(pages.flat()).toMatchObject(range(1, 12).map((offset) => ({ offset })));
    const none = await http(`${url}?before=1`);
    expect(none.json).toEqual({ events: [], first: null, more: false });
  });
});
