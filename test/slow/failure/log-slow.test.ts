// A client that reads far more slowly than its session is written.
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventBody } from '@holdfast/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../../support/processes.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { LogRig } from '../../failure/support/log-rig.ts';

let server: TestRedis;
let gateway: TestGateway;
let rig: LogRig;

beforeAll(async () => {
  server = await startRedis();
  gateway = await startGateway({ redis: server });
  rig = new LogRig(server.connect(), server.address);
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

const SECONDS = 12;
const EVENTS_PER_SECOND = 1_000;

describe('a client that reads 1 KB/s of a stream of 1 MB/s', () => {
  it('costs the gateway bounded memory and the others nothing, and has everything in the end [D-08]', async () => {
    const sessionId = await rig.createSession();
    const writer = await rig.claim(sessionId);
    await writer.turns(1);
    await using narrow = await startTcpProxy({ target: { port: gateway.port } });
    const slow = rig.follow(sessionId, { url: `http://127.0.0.1:${narrow.port}`, name: 'slow' });
    const fast = rig.follow(sessionId, { url: gateway.url, name: 'fast' });
    await slow.hasReached(writer.events.view.offset);
    narrow.applyToNew([{ kind: 'throttle', bytesPerSecond: 1_024 }]);
    narrow.apply({ kind: 'throttle', bytesPerSecond: 1_024 });
    const before = await residentMiB(gateway.pid);
    let most = before;
    let furthestBehind = 0;
    const startedAt = performance.now();
    for (let step = 0; step < SECONDS * 10; step += 1) {
      for (let event = 0; event < EVENTS_PER_SECOND / 10; event += 1) writer.events.push([delta(step)]);
      await writer.events.flushed();
      most = Math.max(most, await residentMiB(gateway.pid));
      furthestBehind = Math.max(furthestBehind, writer.events.view.offset - (fast.position?.offset ?? 0));
      await pause(Math.max(0, startedAt + step * 100 - performance.now()));
    }
    expect(most - before).toBeLessThan(64);
    expect(furthestBehind).toBeLessThan(EVENTS_PER_SECOND);
    expect(slow.position?.offset).toBeLessThan(writer.events.view.offset);
    narrow.heal();
    await writer.turns(1);
    await slow.hasReached(writer.events.view.offset, 40_000);
    const verdict = await rig.verdict(sessionId);
    expect(verdict).toMatchObject({ ...NOTHING_WRONG, stats: { ended: 2 } });
    expect(fast.recorder.resetReasons).toEqual([]);
    // What it could not read in time was trimmed meanwhile: it was told so, and got the snapshot.
    expect(new Set(slow.recorder.resetReasons)).toEqual(new Set(['trimmed']));
  });
});

/** About 1 KB; two blocks take turns, so that they are not merged before they are stored. */
function delta(step: number): EventBody {
  block = 1 - block;
  const key = { turnId: null, messageId: `slow-${step}`, block };
  return { type: 'message_delta', ...key, kind: 'text', text: 'z'.repeat(900) };
}
let block = 0;
