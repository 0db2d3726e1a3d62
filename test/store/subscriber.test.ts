import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createSubscriber,
  createSubscriberRedis,
  probeChannel,
  type Redis,
  type Subscriber,
} from '@holdfast/shared/store';
import { silentLogger, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

let server: TestRedis;
let redis: Redis;
const opened: Subscriber[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => {
  for (const subscriber of opened) subscriber.close();
  await server[Symbol.asyncDispose]();
});

function open(
  name: string,
  probe?: string,
): { subscriber: Subscriber; connection: Redis; gaps: () => number } {
  const connection = createSubscriberRedis(server.address, silentLogger, name);
  const subscriber = createSubscriber(
    connection,
    silentLogger,
    probe === undefined ? undefined : { channel: probe, commands: redis },
  );
  let gaps = 0;
  subscriber.onGap(() => (gaps += 1));
  opened.push(subscriber);
  return { subscriber, connection, gaps: () => gaps };
}

const subscriptions = async (channel: string): Promise<number> =>
  Number((await redis.pubsub('SHARDNUMSUB', channel))[1]);

describe('subscriber', () => {
  it('a subscription that resolved gets every later message, one handler a channel', async () => {
    const { subscriber } = open('many');
    const heard: string[] = [];
    await Promise.all(
      Array.from({ length: 1000 }, async (_, index) =>
        subscriber.subscribe(`many-${index}`, (body) => heard.push(`${index}:${body.toString()}`)),
      ),
    );
    await redis.spublish('many-0', 'a');
    await redis.spublish('many-999', 'b');
    await until(() => heard.length === 2, { what: 'both messages' });
    expect(heard).toEqual(['0:a', '999:b']);
  });

  it('unsubscribing and subscribing again in one tick stays subscribed', async () => {
    const { subscriber } = open('again');
    const heard: string[] = [];
    await subscriber.subscribe('again', () => heard.push('old'));
    void subscriber.unsubscribe('again');
    await subscriber.subscribe('again', () => heard.push('new'));
    await redis.spublish('again', 'x');
    await until(() => heard.length > 0, { what: 'the message' });
    expect(heard).toEqual(['new']);
    void subscriber.unsubscribe('again');
    await until(async () => (await subscriptions('again')) === 0, { what: 'redis to be told' });
  });

  it('a cut connection is subscribed again, and its user is told that it may have missed something', async () => {
    const { subscriber, gaps } = open('cut');
    const heard: string[] = [];
    await subscriber.subscribe('cut', (body) => heard.push(body.toString()));
    await redis.client('KILL', 'ID', await clientIdOf('cut'));
    await until(() => gaps() === 1, { what: 'the gap to be reported' });
    await redis.spublish('cut', 'after');
    await until(() => heard.length === 1, { what: 'the message' });
    expect(heard).toEqual(['after']);
    expect(subscriber.isHealthy()).toBe(true);
  });

  it('a subscription asked for while Redis is down resolves when it is back', async () => {
    await using own = await startRedis();
    const connection = createSubscriberRedis(own.address, silentLogger, 'sub');
    const subscriber = createSubscriber(connection, silentLogger);
    await subscriber.subscribe('first', () => undefined);
    await own.stop();
    await until(() => !subscriber.isHealthy(), { what: 'the loss to be noticed' });
    const heard: string[] = [];
    const later = subscriber.subscribe('later', (body) => heard.push(body.toString()));
    await own.start();
    await later;
    await own.connect().spublish('later', 'hello');
    await until(() => heard.length === 1, { what: 'the message' });
    subscriber.close();
  });

  it('a connection that hears nothing any more is replaced [D-10]', async () => {
    const channel = probeChannel('deaf');
    const { subscriber, connection, gaps } = open('deaf', channel);
    await subscriber.subscribe('deaf-1', () => undefined);
    // From now on the server's pushes reach nobody, as behind a demoted node that still answers.
    connection.stream.pause();
    await until(() => gaps() === 1, { what: 'the connection to be replaced', limitMs: 15_000 });
    expect(await subscriptions('deaf-1')).toBe(1);
  });

  it('a command in flight fails when its connection ends', async () => {
    const connection = server.connect();
    const blocked = connection.blpop('nothing', 0).catch((error: unknown) => error);
    const id = await until(async () => /id=(\d+) .* cmd=blpop/.exec(await listClients())?.[1], {
      what: 'blpop',
    });
    const before = performance.now();
    await redis.client('KILL', 'ID', id);
    expect(await blocked).toBeInstanceOf(Error);
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

async function listClients(): Promise<string> {
  return String(await redis.client('LIST'));
}

/** The server's id of the connection of this name. */
async function clientIdOf(name: string): Promise<string> {
  const line = (await listClients()).split('\n').find((entry) => entry.includes(` name=${name} `));
  const id = /id=(\d+)/.exec(line ?? '')?.[1];
  if (id === undefined) throw new Error('no such connection');
  return id;
}
