// A subscription that ends before Redis has acknowledged it, and a subscriber that ends with its subscriptions.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSubscriber, createSubscriberRedis, type Redis, type Subscriber } from '@holdfast/shared/store';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

async function open(name: string): Promise<Subscriber & Disposable> {
  const subscriber = createSubscriber(
    createSubscriberRedis(server.address, silentLogger, name),
    silentLogger,
  );
  await until(() => subscriber.isHealthy(), { what: 'the connection' });
  return Object.assign(subscriber, { [Symbol.dispose]: () => subscriber.close() });
}

const subscriptions = async (channel: string): Promise<number> =>
  Number((await redis.pubsub('SHARDNUMSUB', channel))[1]);

describe('a subscriber', () => {
  it('that is closed takes no subscription any more, and gives up those that wait', async () => {
    using subscriber = await open('closing');
    const waiting = subscriber.subscribe('closing-1', () => undefined);
    subscriber.close();
    await expect(waiting).rejects.toThrow('the subscriber is closed');
    await expect(subscriber.subscribe('closing-2', () => undefined)).rejects.toThrow('closed');
    expect(subscriber.isHealthy()).toBe(false);
  });

  it('tells who waits for a subscription that it was ended first, and leaves none behind', async () => {
    using subscriber = await open('hasty');
    const waiting = subscriber.subscribe('hasty-1', () => undefined);
    await subscriber.unsubscribe('hasty-1');
    await expect(waiting).rejects.toThrow('unsubscribed before Redis acknowledged');
    await subscriber.unsubscribe('hasty-1');
    await subscriber.subscribe('hasty-2', () => undefined);
    expect(await subscriptions('hasty-1')).toBe(0);
  });

  it('ends a subscription whose wish went while it was on its way', async () => {
    using subscriber = await open('late');
    const asked = Promise.all([
      subscriber.subscribe('late-1', () => undefined).catch(() => 'ended'),
      subscriber.subscribe('late-2', () => undefined),
    ]);
    // One turn later the command is on its way: its answer finds the wish gone.
    await new Promise((resolve) => setImmediate(resolve));
    await subscriber.unsubscribe('late-1');
    expect((await asked)[0]).toBe('ended');
    await until(async () => (await subscriptions('late-1')) === 0, { what: 'the subscription to end' });
    expect(await subscriptions('late-2')).toBe(1);
  });

  it('shares one subscription between two that ask for the same channel; the later handler counts', async () => {
    using subscriber = await open('twice');
    const heard: string[] = [];
    await Promise.all([
      subscriber.subscribe('twice-1', () => heard.push('first')),
      subscriber.subscribe('twice-1', () => heard.push('second')),
    ]);
    await subscriber.subscribe('twice-1', () => heard.push('third'));
    await redis.spublish('twice-1', 'x');
    await until(() => heard.length > 0, { what: 'the message' });
    expect(heard).toEqual(['third']);
    expect(await subscriptions('twice-1')).toBe(1);
  });

  it('that Redis refuses to let subscribe tries again on a new connection', async () => {
    using subscriber = await open('refused');
    await redis.acl('SETUSER', 'default', 'resetchannels');
    const waiting = subscriber.subscribe('refused-1', () => undefined);
    await until(() => !subscriber.isHealthy(), { what: 'the connection to be given up' });
    await redis.acl('SETUSER', 'default', 'allchannels');
    await expect(waiting).resolves.toBeUndefined();
    expect(await subscriptions('refused-1')).toBe(1);
  });
});
