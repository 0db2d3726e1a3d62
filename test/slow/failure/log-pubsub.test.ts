// What happens between a gateway and Redis' pub/sub while a session is written: clients stay connected and are told
// everything, without a reset.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../../support/processes.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startTcpProxy, type ProxiedConnection, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { LogRig, type RigClient, type RigWriter } from '../../failure/support/log-rig.ts';

/** Small enough to be overrun in a test, and Redis' default. */
const SMALL_LIMIT = 'pubsub 64kb 0 0';
const DEFAULT_LIMIT = 'pubsub 32mb 8mb 60';

let server: TestRedis;
let toRedis: TcpProxy;
let gateway: TestGateway;
let rig: LogRig;

beforeAll(async () => {
  server = await startRedis();
  toRedis = await startTcpProxy({ target: { path: server.address.url }, speaks: 'redis' });
  const address = { ...server.address, url: `redis://127.0.0.1:${toRedis.port}` };
  gateway = await startGateway({ redis: { address } });
  rig = new LogRig(server.connect(), server.address);
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await toRedis[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** The gateway's connection that hears live messages. */
function livePath(): ProxiedConnection {
  const found = toRedis.connections().findLast((connection) => connection.hasSent('ssubscribe'));
  if (found === undefined) throw new Error('the gateway has not subscribed');
  return found;
}

async function begin(): Promise<{ writer: RigWriter; client: RigClient }> {
  const sessionId = await rig.createSession();
  const writer = await rig.claim(sessionId);
  const client = rig.follow(sessionId, { url: gateway.url });
  await writer.turns(1);
  await client.hasReached(writer.events.view.offset);
  return { writer, client };
}

/** Everything arrived, on one connection and without a reset. */
async function expectUnnoticed({ client }: { client: RigClient }): Promise<void> {
  const verdict = await rig.verdict(client.sessionId);
  expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: 1 } });
  expect(verdict.stats.resets).toEqual({});
  expect(client.diagnostics).toEqual([]);
  expect(client.recorder.caughtUpCount).toBe(1);
}

describe('the connection that hears live messages', () => {
  it('killed again and again in a burst costs nothing, and clients notice nothing [D-02]', async () => {
    const { writer, client } = await begin();
    const stop = new AbortController();
    const writing = writer.turnsUntil(stop.signal);
    for (let kill = 0; kill < 5; kill += 1) {
      const before = toRedis.accepted();
      expect(await rig.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(1);
      await until(() => toRedis.accepted() > before, { what: 'the gateway to connect again' });
      await client.hasReached(writer.events.view.offset + 40);
    }
    stop.abort();
    await writing;
    await expectUnnoticed({ client });
  });

  it('that lost the last message before a silence is made up for within 15 s [D-02]', async () => {
    const { writer, client } = await begin();
    livePath().apply({ kind: 'swallow_messages', count: 1 });
    // A turn that runs on in silence: nothing later shows the hole.
    writer.events.push([{ type: 'notice', kind: 'info', text: 'the last one' }]);
    await writer.events.flushed();
    const lostAt = performance.now();
    await client.hasReached(writer.events.view.offset, 20_000);
    expect(performance.now() - lostAt).toBeLessThan(15_500);
    await expectUnnoticed({ client });
  });

  it('that answers but hears nothing any more is replaced within 10 s [D-10]', async () => {
    const { writer, client } = await begin();
    const before = toRedis.accepted();
    livePath().apply({ kind: 'swallow_messages' });
    const deafAt = performance.now();
    await writer.turns(1);
    await client.hasReached(writer.events.view.offset, 20_000);
    expect(performance.now() - deafAt).toBeLessThan(10_700);
    expect(toRedis.accepted()).toBe(before + 1);
    await expectUnnoticed({ client });
  });
});

describe('a gateway that stands still', () => {
  it('until Redis cuts it off for what it has not read goes on without a hole [D-08]', async () => {
    const others = await liveConnections();
    // Over the socket itself: a proxy would read on for the gateway.
    await using slow = await startGateway({ redis: server });
    const sessionId = await rig.createSession();
    const writer = await rig.claim(sessionId);
    const client = rig.follow(sessionId, { url: slow.url });
    await writer.turns(1);
    await client.hasReached(writer.events.view.offset);
    const own = (await liveConnections()).find((id) => !others.includes(id)) ?? '';
    await rig.redis.config('SET', 'client-output-buffer-limit', SMALL_LIMIT);
    try {
      slow.child.kill('SIGSTOP');
      // Less than what the log keeps, or the client would rightly get a snapshot.
      for (let step = 0; step < 300 && (await liveConnections()).includes(own); step += 1) {
        writer.events.push([{ type: 'notice', kind: 'info', text: `${step} `.repeat(500) }]);
        await writer.events.flushed();
      }
      expect(await liveConnections()).not.toContain(own);
    } finally {
      slow.child.kill('SIGCONT');
      await rig.redis.config('SET', 'client-output-buffer-limit', DEFAULT_LIMIT);
    }
    await writer.turns(1);
    await expectUnnoticed({ client });
  });
});

/** Ids of the connections that hear live messages. */
async function liveConnections(): Promise<string[]> {
  const list = String(await rig.redis.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
  return [...list.matchAll(/^id=(\d+) /gm)].map(([, id = '']) => id);
}
