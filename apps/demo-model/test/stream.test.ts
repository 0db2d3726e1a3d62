// Slow and lost clients, and the end of the server.
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Action } from '../src/play.ts';
import { streamActions } from '../src/stream.ts';
import { callModel, prompt, readEvents, startDemoModel } from './support.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Polls until the condition holds. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition did not hold in time');
    await sleep(10);
  }
}

/** Streams `actions` to a client that reads nothing. */
async function streamToIdleClient(actions: Iterable<Action>) {
  const controller = new AbortController();
  const response = Promise.withResolvers<ServerResponse>();
  const ended = Promise.withResolvers<void>();
  const server = createServer((_request, raw) => {
    raw.on('close', () => controller.abort());
    response.resolve(raw);
    streamActions(raw, actions, controller.signal).then(ended.resolve, ended.reject);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  const client = request({ port, host: '127.0.0.1' }).end();
  client.on('error', () => undefined);
  const answer = new Promise<IncomingMessage>((resolve) => client.once('response', resolve));
  cleanups.push(() => {
    client.destroy();
    server.close();
  });
  const raw = await response.promise;
  (await answer).pause();
  return { raw, client, ended: ended.promise };
}

describe('a client that does not read', () => {
  it('stops the production, and its leaving ends it', async () => {
    let produced = 0;
    let isFinished = false;
    const text = 'x'.repeat(10_000);
    function* endless(): Generator<Action> {
      try {
        for (;;) {
          produced += text.length;
          yield { kind: 'send', text };
        }
      } finally {
        isFinished = true;
      }
    }
    const { raw, client, ended } = await streamToIdleClient(endless());
    await until(async () => {
      const before = produced;
      await sleep(50);
      return raw.writableNeedDrain && produced === before;
    });
    expect(raw.writableLength).toBeLessThan(1_000_000);
    expect(isFinished).toBe(false);
    client.destroy();
    await ended;
    expect(isFinished).toBe(true);
  });
});

describe('an answer that takes long', () => {
  const endless = '[[text count=100000 rate=50]]';
  const late = '[[slow ms=600000]] [[say never]]';

  it.each([
    [endless, true],
    [late, true],
    [endless, false],
    [late, false],
  ])('leaves no timer behind when its client leaves: %s, streamed: %s', async (text, stream) => {
    const model = await startDemoModel();
    try {
      const controller = new AbortController();
      const calls = Array.from({ length: 20 }, () =>
        callModel(model.url, { messages: prompt(text), stream, signal: controller.signal }).then(readEvents),
      );
      await until(() => countTimers() >= 20);
      controller.abort();
      await Promise.allSettled(calls);
      await until(() => countTimers() < 10);
    } finally {
      await model.close();
    }
  });

  it.each([
    [endless, true],
    [late, true],
    [endless, false],
    [late, false],
  ])('ends at once when the server closes: %s, streamed: %s', async (text, stream) => {
    const model = await startDemoModel();
    const calls = Array.from({ length: 20 }, () =>
      callModel(model.url, { messages: prompt(text), stream })
        .then(readEvents)
        .then(({ isCut }) => isCut)
        .catch(() => true),
    );
    await until(() => countTimers() >= 20);
    const startedAt = performance.now();
    await model.close();
    expect(new Set(await Promise.all(calls))).toEqual(new Set([true]));
    expect(performance.now() - startedAt).toBeLessThan(1000);
    await until(() => countTimers() < 10);
  });
});

/** Timers that keep this process alive: one for each waiting answer, and a few of the test runner. */
function countTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}
