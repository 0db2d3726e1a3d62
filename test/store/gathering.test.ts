import { afterAll, beforeAll, expect, it } from 'vitest';
import { createGatheringRedis, type Redis } from '@holdfast/shared/store';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

let server: TestRedis;
let observer: Redis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  observer = server.connect();
  redis = createGatheringRedis(server.address, silentLogger, 'gathering');
  await redis.ping();
});
afterAll(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

async function readsSoFar(): Promise<number> {
  const info = await observer.info('stats');
  return Number(/total_reads_processed:(\d+)/.exec(info)?.[1]);
}

it('commands of one turn of the event loop reach the server in a few reads, and are answered in order', async () => {
  const before = await readsSoFar();
  const answers = await Promise.all(Array.from({ length: 200 }, async (_, n) => redis.echo(String(n))));
  expect(answers).toEqual(Array.from({ length: 200 }, (_, n) => String(n)));
  expect((await readsSoFar()) - before).toBeLessThan(10);
});

it('a command that fails takes no other with it', async () => {
  await redis.set('text', 'x');
  const [first, second, third] = await Promise.allSettled([
    redis.get('text'),
    redis.incr('text'),
    redis.get('text'),
  ]);
  expect([first.status, second.status, third.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('commands without an answer fail with their connection, and later ones use the next', async () => {
  const id = await redis.client('ID');
  const blocked = Promise.allSettled(Array.from({ length: 20 }, async () => redis.blpop('nothing', 0)));
  await until(async () => (await observer.info('clients')).includes('blocked_clients:1'), {
    what: 'the command to block',
  });
  await observer.client('KILL', 'ID', id);
  for (const outcome of await blocked) expect(outcome.status).toBe('rejected');
  expect(await redis.ping()).toBe('PONG');
});
