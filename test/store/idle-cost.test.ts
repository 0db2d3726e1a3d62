// What a session costs its worker once it was put to rest: nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Redis } from '@holdfast/shared/store';
import { processesMentioning } from '../support/proc.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { runSession, type RunningSession } from './running-session.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

/** What keeps this process busy or waiting: timers, pipes, processes, by kind. Those of the test itself are always there. */
function resources(): Record<string, number> {
  const kinds = process.getActiveResourcesInfo().filter((kind) => /Timeout|Pipe|Process/.test(kind));
  return Object.fromEntries(
    [...new Set(kinds)].map((kind) => [kind, kinds.filter((k) => k === kind).length]),
  );
}

describe('sessions that were put to rest [E-07]', () => {
  it('leave no timer, no pipe and no process in the worker that had them', async () => {
    const before = resources();
    const running: RunningSession[] = [];
    for (let count = 0; count < 8; count += 1) {
      running.push(await runSession(redis, { limits: { idleMs: 50, memoryBytes: 1e12 } }));
    }
    for (const one of running) await one.prompt('say hello');
    await until(() => running.every((one) => one.overs.includes('parked')), { what: 'all to rest' });
    const left = await Promise.all(running.map(async (one) => processesMentioning(one.sessionId)));
    expect(left.flat()).toEqual([]);
    const more = (): string[] =>
      Object.entries(resources()).flatMap(([kind, count]) => (count > (before[kind] ?? 0) ? [kind] : []));
    await expect.poll(more, { timeout: 5_000 }).toEqual([]);
    for (const one of running) await one[Symbol.asyncDispose]();
  });
});
