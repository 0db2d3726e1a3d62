// What operators see: both servers tell in numbers what they do, after a turn of the real CLI.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import type { Client } from '@holdfast/client';
import {
  makeDataDir,
  startDemoModel,
  startGateway,
  startWorker,
  type Service,
  type TestGateway,
} from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { clientOf, newSession } from './support/system.ts';

const stack = new AsyncDisposableStack();
let gateway: TestGateway;
let worker: Service;
let client: Client;

beforeAll(async () => {
  const data = stack.use(await makeDataDir());
  const redis = stack.use(await startRedis());
  const demoModel = stack.use(await startDemoModel());
  const env = { HOLDFAST_METRICS_PORT: '0' };
  gateway = stack.use(await startGateway({ redis, dataDir: data.path, env }));
  worker = stack.use(await startWorker({ redis, dataDir: data.path, demoModel, env }));
  client = clientOf(gateway);
});
afterAll(async () => {
  client.close();
  await stack.disposeAsync();
});

/** The samples of a part, by name and labels but the part's own. */
async function samples(service: Service): Promise<ReadonlyMap<string, number>> {
  const { metricsPort } = z.object({ metricsPort: z.int() }).parse(service.ready);
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, name = '', value = ''] = /^(.*) (\S+)$/.exec(line) ?? [];
      return [name.replace(/part="[a-z]+",?|,part="[a-z]+"/, '').replace('{}', ''), Number(value)];
    }),
  );
}

it('the servers count and time what they do, and name nobody [K-03]', async () => {
  const one = await newSession(client);
  await one.turn('[[say counted]]');
  const ofWorker = await until(
    async () => {
      const seen = await samples(worker);
      return seen.get('holdfast_children{state="idle"}') === 1 ? seen : undefined;
    },
    { what: 'the child to be counted as idle' },
  );
  expect(ofWorker.get('holdfast_turns_total{stop_reason="end_turn"}')).toBe(1);
  expect(ofWorker.get('holdfast_owned_sessions')).toBe(1);
  expect(ofWorker.get('holdfast_claims_total{outcome="claimed"}')).toBe(1);
  expect(ofWorker.get('holdfast_cold_start_seconds_count')).toBe(1);
  expect(ofWorker.get('holdfast_queue_wait_seconds_count')).toBe(1);
  expect(ofWorker.get('holdfast_appended_events_total')).toBe(one.events.length - 1);
  expect(ofWorker.get('holdfast_redis_script_seconds_count{script="append_events"}')).toBeGreaterThan(2);
  expect(ofWorker.get('holdfast_last_heartbeat_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000 - 10);
  const ofGateway = await samples(gateway);
  expect(ofGateway.get('holdfast_connections{kind="ws"}')).toBe(1);
  expect(ofGateway.get('holdfast_watched_sessions')).toBe(1);
  expect(ofGateway.get('holdfast_delivery_seconds_count')).toBeGreaterThan(0);
  const names = [...ofWorker.keys(), ...ofGateway.keys()].join('\n');
  for (const secret of [one.session.sessionId, gateway.token, 'local']) expect(names).not.toContain(secret);
});
