// A client cut in mid-stream goes on at another gateway process: every event once, in order.
import { Client, type SessionItem } from '@holdfast/client';
import type { SessionEvent } from '@holdfast/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service, TestGateway } from '../support/processes.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from './support/system.ts';

let system: System;
let worker: Service;
let second: TestGateway;
let client: Client;
/** Sees everything without a cut, on the second gateway: what the others are compared with. */
let whole: Follower;

beforeAll(async () => {
  system = await startSystem();
  worker = await system.startWorker();
  second = await system.startGateway();
  client = clientOf(second);
  whole = await newSession(client);
  await whole.turn('[[say ready]]');
});
afterAll(async () => {
  client.close();
  await second[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

/** Reads a session's items into a list. */
function read(from: Client, start: 'start' | { epoch: string; offset: number }): SessionItem[] {
  const items: SessionItem[] = [];
  const { sessionId } = whole.session;
  void (async () => {
    for await (const item of from.session(sessionId).events({ from: start })) items.push(item);
  })().catch(() => {});
  return items;
}

const eventsIn = (items: readonly SessionItem[]): SessionEvent[] =>
  items.flatMap((item) => (item.kind === 'event' ? [item.event] : []));
const lastOf = (event: SessionEvent): number => event.upTo ?? event.offset;

/** Every offset once: each event begins right after the one before it, merged deltas included. */
function expectDense(events: readonly SessionEvent[], first: number): void {
  let next = first;
  for (const event of events) {
    expect(event.offset).toBe(next);
    next = lastOf(event) + 1;
  }
}

const streamedText = (events: readonly SessionEvent[], turnId: string): string =>
  events
    .map((event) => (event.type === 'message_delta' && event.turnId === turnId ? event.text : ''))
    .join('');

describe('a client in mid-stream', () => {
  it('whose gateway is killed resumes on a second one and has every event once, in order [D-02]', async () => {
    await using first = await system.startGateway();
    await using proxy = await startTcpProxy({ target: { port: first.port } });
    using roaming = new Client({ url: `http://127.0.0.1:${proxy.port}`, token: first.token });
    const items = read(roaming, 'start');
    const { promptId } = await whole.session.prompt('[[text count=400 rate=200]]');
    const { turnId } = await whole.one('turn_started', { promptId });
    await until(() => streamedText(eventsIn(items), turnId).length > 200, { what: 'a part of the stream' });
    const seen = items.length;
    proxy.retarget({ port: second.port });
    await first.stop('SIGKILL');
    await whole.one('turn_ended', { turnId });
    await until(
      () => eventsIn(items).some((event) => event.type === 'turn_ended' && event.turnId === turnId),
      {
        what: 'the end of the turn at the roaming client',
      },
    );
    const events = eventsIn(items);
    expect(proxy.accepted()).toBeGreaterThan(1);
    expectDense(events, 1);
    expect(streamedText(events, turnId)).toBe(whole.textOf(turnId));
    // The replay was marked as such, and nothing was thrown away to start over.
    const after = items.slice(seen).map((item) => item.kind);
    expect(after).toContain('caught_up');
    expect(after).not.toContain('reset');
    expect(items.slice(seen).some((item) => item.kind === 'event' && item.live)).toBe(true);
  });

  it('that comes back as another process from a saved position misses nothing and repeats nothing [D-02] [D-05]', async () => {
    const { promptId } = await whole.session.prompt('[[text count=200 rate=200]]');
    const { turnId } = await whole.one('turn_started', { promptId });
    const before = clientOf(system.gateway);
    const part = read(before, 'start');
    await until(() => streamedText(eventsIn(part), turnId).length > 100, { what: 'a part of the stream' });
    const position = part.at(-1)?.position;
    const taken = eventsIn(part);
    before.close();
    if (position === undefined) throw new Error('nothing was read');
    await whole.one('turn_ended', { turnId });
    using after = clientOf(second);
    const rest = read(after, position);
    await until(() => eventsIn(rest).some((event) => event.type === 'turn_ended'), {
      what: 'the end of the turn',
    });
    expectDense([...taken, ...eventsIn(rest)], 1);
    expect(rest.map((item) => item.kind)).not.toContain('reset');
    expect(streamedText([...taken, ...eventsIn(rest)], turnId)).toBe(whole.textOf(turnId));
  });
});
