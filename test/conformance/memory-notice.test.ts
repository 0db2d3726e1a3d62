// Redis' memory running full is told before anything is refused.
import { createLogger } from '@holdfast/shared/runtime';
import { readServerInfo } from '@holdfast/shared/store';
import { expect, it } from 'vitest';
import { watchMemory } from '../../apps/gateway/src/sessions/memory-notice.ts';
import { http } from '../support/http.ts';
import { startGateway } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

it('a gateway says in its log and in /readyz that Redis is 80 % full, and takes it back; it serves all the while [B-11]', async () => {
  await using server = await startRedis(['--maxmemory', '20mb', '--maxmemory-policy', 'noeviction']);
  const redis = server.connect();
  const quiet = await watchMemory({
    redis,
    logger: createLogger({ part: 'test', level: 'silent' }),
    everyMs: 20,
  });
  expect(quiet.current()).toBeNull();
  for (let piece = 0; (await readServerInfo(redis)).usedMemoryBytes < 20 * MIB * 0.82; piece += 1) {
    await redis.hset('ballast', String(piece), Buffer.alloc(MIB / 8));
  }
  await until(() => quiet.current(), { what: 'the notice' });
  await using gateway = await startGateway({ redis: server });
  const ready = await http(`${gateway.url}/readyz`);
  expect(ready.status).toBe(200);
  expect(ready.json).toEqual({
    status: 'ready',
    warnings: [expect.stringMatching(/^Redis uses 8\d % of its maxmemory \(1\d of 20 MiB\)/)],
  });
  expect(gateway.logs()).toContainEqual(
    expect.objectContaining({ msg: 'redis is nearly full', level: 'warn' }),
  );
  const body = { createId: crypto.randomUUID() };
  expect((await http(`${gateway.url}/v1/sessions`, { method: 'POST', body })).status).toBe(201);
  await redis.del('ballast');
  await until(() => quiet.current() === null, { what: 'the notice to go' });
  quiet.close();
});
