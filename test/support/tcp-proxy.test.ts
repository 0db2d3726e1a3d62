import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createCommandRedis, createSubscriber, createSubscriberRedis } from '@holdfast/shared/store';
import { silentLogger, startRedis } from './redis.ts';
import { RespStream } from './resp-stream.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

const opened: (AsyncDisposable | Disposable)[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) {
    if (Symbol.asyncDispose in one) await one[Symbol.asyncDispose]();
    else one[Symbol.dispose]();
  }
});

/** A server that answers everything with itself, and a client of it behind a proxy. */
async function startEcho(): Promise<{
  proxy: TcpProxy;
  client: Socket;
  heard: () => string;
  isOver: () => boolean;
}> {
  const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startTcpProxy({ target: { port: (server.address() as AddressInfo).port } }); // listens
  const client = connect({ port: proxy.port, host: '127.0.0.1' });
  let text = '';
  let over = false;
  client.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  client.on('error', () => undefined).on('close', () => (over = true));
  opened.push({ [Symbol.dispose]: () => server.close() }, proxy, {
    [Symbol.dispose]: () => client.destroy(),
  });
  await once(client, 'connect');
  await until(() => proxy.connections().length === 1, { what: 'the proxied connection' });
  return { proxy, client, heard: () => text, isOver: () => over };
}

describe('a proxied connection', () => {
  it('passes everything on in order, and ends when either side ends', async () => {
    const { proxy, client, heard } = await startEcho();
    const sent = Array.from({ length: 2_000 }, (_, index) => `line ${index}\n`).join('');
    client.end(sent);
    await once(client, 'close');
    expect(heard()).toBe(sent);
    await until(() => proxy.connections().length === 0, { what: 'the connection to be gone' });
  });

  it('is over for both sides after a cut', async () => {
    const { proxy, isOver } = await startEcho();
    proxy.apply({ kind: 'cut' });
    await until(isOver, { what: 'the client to see the end' });
    expect(proxy.connections()).toEqual([]);
  });

  it('that is half-open takes everything and says nothing, without an end', async () => {
    const { proxy, client, heard, isOver } = await startEcho();
    client.write('before');
    await until(() => heard() === 'before', { what: 'the echo' });
    proxy.apply({ kind: 'half_open' });
    client.write('after');
    await until(() => proxy.connections()[0]?.hasSent('after'), { what: 'the proxy to have read it' });
    expect({ heard: heard(), over: isOver() }).toEqual({ heard: 'before', over: false });
  });

  it('with a delay brings the answer later', async () => {
    const { proxy, client, heard } = await startEcho();
    proxy.apply({ kind: 'delay', ms: 60 });
    const startedAt = performance.now();
    client.write('x');
    await until(() => heard() === 'x', { what: 'the echo' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(110);
    proxy.heal();
    client.write('y');
    await until(() => heard() === 'xy', { what: 'the second echo' });
  });

  it('with a throttle is no faster than that', async () => {
    const { proxy, client, heard } = await startEcho();
    proxy.apply({ kind: 'throttle', bytesPerSecond: 20_000 });
    const startedAt = performance.now();
    client.write('x'.repeat(10_000));
    await until(() => heard().length === 10_000, { what: 'the echo' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(400);
  });

  it('that is truncated ends after exactly so many bytes', async () => {
    const { proxy, client, heard, isOver } = await startEcho();
    proxy.apply({ kind: 'truncate', bytes: 5 });
    client.write('0123');
    await until(() => heard() === '0123', { what: 'the first bytes' });
    client.write('456789');
    await until(isOver, { what: 'the end' });
    expect(heard()).toBe('01234');
  });

  it('goes where the proxy points when it is opened, or is refused', async () => {
    const { proxy } = await startEcho();
    proxy.retarget(null);
    const refused = connect({ port: proxy.port, host: '127.0.0.1' });
    const outcome = await once(refused, 'data').catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'ECONNRESET' });
    expect({ accepted: proxy.accepted(), open: proxy.connections().length }).toEqual({
      accepted: 1,
      open: 1,
    });
  });
});

describe('a proxied connection to Redis', () => {
  it('that loses a reply has had the command executed', async () => {
    await using server = await startRedis();
    await using proxy = await startTcpProxy({ target: { path: server.address.url }, speaks: 'redis' });
    const { password } = server.address;
    const address = { url: `redis://127.0.0.1:${proxy.port}`, password };
    const redis = createCommandRedis(address, silentLogger, 'proxied');
    opened.push({ [Symbol.dispose]: () => redis.disconnect() });
    await redis.set('counter', 0);
    proxy.apply({ kind: 'lose_reply', to: 'counter' });
    const outcome = await redis.incr('counter').catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(Error);
    expect(await server.connect().get('counter')).toBe('1');
    expect(await redis.incr('counter')).toBe(2);
  });

  it('that swallows messages still answers, and loses exactly those it was told to', async () => {
    await using server = await startRedis();
    await using proxy = await startTcpProxy({ target: { path: server.address.url }, speaks: 'redis' });
    const { password } = server.address;
    const address = { url: `redis://127.0.0.1:${proxy.port}`, password };
    const connection = createSubscriberRedis(address, silentLogger, 'proxied');
    const subscriber = createSubscriber(connection, silentLogger);
    opened.push({ [Symbol.dispose]: () => subscriber.close() });
    const heard: string[] = [];
    await subscriber.subscribe('c', (body) => heard.push(body.toString()));
    proxy.apply({ kind: 'swallow_messages', count: 2 });
    const sender = server.connect();
    for (const text of ['one', 'two', 'three']) await sender.spublish('c', text);
    await until(() => heard.length > 0, { what: 'the message that is let through' });
    expect(heard).toEqual(['three']);
    proxy.apply({ kind: 'swallow_messages' });
    await sender.spublish('c', 'four');
    expect(await connection.ping()).toBe('PONG');
    proxy.heal();
    await sender.spublish('c', 'five');
    await until(() => heard.length === 2, { what: 'the message after healing' });
    expect(heard).toEqual(['three', 'five']);
  });

  it('is cut into whole replies wherever the chunks end', () => {
    const replies = [
      '+OK\r\n',
      '>3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$4\r\na\r\nb\r\n',
      '*2\r\n:1\r\n%1\r\n+k\r\n_\r\n',
      '$-1\r\n',
    ];
    const bytes = Buffer.from(replies.join(''));
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const stream = new RespStream();
      const values = [...stream.push(bytes.subarray(0, cut)), ...stream.push(bytes.subarray(cut))];
      expect(values.map(String)).toEqual(replies);
    }
  });
});
