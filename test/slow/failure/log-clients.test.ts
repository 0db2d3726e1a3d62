// What happens to clients and gateways while a session is written: nothing is lost, doubled or put out of order.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../../support/processes.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { LogRig } from '../../failure/support/log-rig.ts';

let server: TestRedis;
let gateways: [TestGateway, TestGateway];
let rig: LogRig;

beforeAll(async () => {
  server = await startRedis();
  gateways = await Promise.all([startGateway({ redis: server }), startGateway({ redis: server })]);
  rig = new LogRig(server.connect(), server.address);
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await Promise.all(gateways.map(async (gateway) => gateway[Symbol.asyncDispose]()));
  await server[Symbol.asyncDispose]();
});

/** CPU time that Redis has used so far. */
async function redisCpuSeconds(): Promise<number> {
  const info = await rig.redis.info('cpu');
  const field = (name: string): number => Number(new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]);
  return field('used_cpu_sys') + field('used_cpu_user');
}

const urlOf = (proxy: { readonly port: number }): string => `http://127.0.0.1:${proxy.port}`;

describe('a client whose socket is cut', () => {
  it('in the middle of a frame goes on exactly at another gateway [D-02]', async () => {
    const sessionId = await rig.createSession();
    const writer = await rig.claim(sessionId);
    const [one, other] = gateways;
    await using proxy = await startTcpProxy({ target: { port: one.port } });
    const cut = rig.follow(sessionId, { url: urlOf(proxy), name: 'cut' });
    rig.follow(sessionId, { url: other.url, name: 'whole' });
    const stop = new AbortController();
    const writing = writer.turnsUntil(stop.signal, cut);
    for (const [index, bytes] of [700, 1, 57, 333, 2_501].entries()) {
      await cut.hasReached((cut.position?.offset ?? 0) + 40);
      proxy.retarget({ port: (index % 2 === 0 ? other : one).port });
      proxy.apply({ kind: 'truncate', bytes });
      await until(() => proxy.accepted() === index + 2, { what: 'the client to come back' });
    }
    await cut.hasReached((cut.position?.offset ?? 0) + 40);
    stop.abort();
    await writing;
    const verdict = await rig.verdict(sessionId);
    expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: 2 } });
    expect(verdict.stats.resets).toEqual({});
  });

  it('together with 200 others comes back, and each has what it missed, once [D-02]', async () => {
    const sessionId = await rig.createSession();
    const writer = await rig.claim(sessionId);
    await using proxy = await startTcpProxy({ target: { port: gateways[0].port } });
    const clients = Array.from({ length: 200 }, (_, index) =>
      rig.follow(sessionId, { url: urlOf(proxy), name: `storm-${index}` }),
    );
    await writer.turns(1);
    const before = writer.events.view.offset;
    await Promise.all(clients.map(async (client) => client.hasReached(before, 30_000)));
    proxy.retarget(null);
    proxy.apply({ kind: 'cut' });
    await writer.turns(1, 50);
    const missed = writer.events.view.offset;
    const cpuBefore = await redisCpuSeconds();
    const backAt = performance.now();
    proxy.retarget({ port: gateways[1].port });
    await Promise.all(clients.map(async (client) => client.hasReached(missed, 30_000)));
    const seconds = (performance.now() - backAt) / 1_000;
    expect((await redisCpuSeconds()) - cpuBefore).toBeLessThan(0.6 * seconds);
    const verdict = await rig.verdict(sessionId);
    expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: 200 } });
    expect(verdict.stats.resets).toEqual({});
  });
});

describe('a gateway that is killed', () => {
  it('has its clients back at another one within 3 s, with nothing lost [D-02]', async () => {
    const sessionId = await rig.createSession();
    const writer = await rig.claim(sessionId);
    await using dying = await startGateway({ redis: server });
    const target = (): { port: number } => ({ port: dying.isRunning() ? dying.port : gateways[0].port });
    await using balancer = await startTcpProxy({ target });
    const clients = Array.from({ length: 20 }, () => rig.follow(sessionId, { url: urlOf(balancer) }));
    const stop = new AbortController();
    const writing = writer.turnsUntil(stop.signal);
    await Promise.all(clients.map(async (client) => client.hasReached(50)));
    await dying.stop('SIGKILL');
    const killedAt = performance.now();
    const atDeath = writer.events.view.offset;
    await Promise.all(clients.map(async (client) => client.hasReached(atDeath + 1)));
    expect(performance.now() - killedAt).toBeLessThan(3_000);
    stop.abort();
    await writing;
    const verdict = await rig.verdict(sessionId);
    expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: 20 } });
    expect(verdict.stats.resets).toEqual({});
  });
});

describe('a client that was away', () => {
  it('past a trim gets a snapshot that is the fold of what it missed, and what follows [D-03]', async () => {
    const sessionId = await rig.createSession();
    const writer = await rig.claim(sessionId);
    await writer.turns(1);
    const first = rig.follow(sessionId, { url: gateways[0].url, name: 'first visit' });
    await first.hasReached(writer.events.view.offset);
    const saved = first.position ?? 'start';
    first.leave();
    for (let turn = 0; turn < 4; turn += 1) {
      for (let step = 0; step < 900; step += 1) {
        writer.events.push([{ type: 'notice', kind: 'info', text: `${turn} ${step}` }]);
      }
      await writer.turns(1);
    }
    const back = rig.follow(sessionId, { url: gateways[1].url, name: 'back', from: saved });
    const verdict = await rig.verdict(sessionId);
    expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: 1, resets: { trimmed: 1 } } });
    expect(back.recorder.resetReasons).toEqual(['trimmed']);
  });
});
