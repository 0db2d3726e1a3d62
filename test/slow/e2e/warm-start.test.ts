// Who starts a CLI and who does not: creating a session and opening it do; looking at it does not, nor does a takeover.
import type { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesMentioning } from '../../support/proc.ts';
import { openSse } from '../../support/sse-client.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from '../../e2e/support/system.ts';

let system: System;
let client: Client;

beforeAll(async () => {
  system = await startSystem();
  client = clientOf(system.gateway);
});
afterAll(async () => {
  client.close();
  await system[Symbol.asyncDispose]();
});

/** Everything that people do to look at a session: lists, details, history, a stream, and a connection that comes back. */
async function lookAt(one: Follower): Promise<void> {
  const { sessionId } = one.session;
  await client.http.list();
  await client.http.inspect(sessionId);
  await client.http.history(sessionId);
  await using stream = await openSse(`${system.gateway.url}/v1/sessions/${sessionId}/events`);
  await one.until(() => stream.messages.length > 0, { what: 'the stream to begin' });
  for (let time = 0; time < 2; time += 1) {
    using other = clientOf(system.gateway);
    const viewed: number[] = [];
    const ended = new AbortController();
    const reading = (async () => {
      for await (const item of other.session(sessionId).events({ from: 'start', signal: ended.signal })) {
        if (item.kind === 'event') viewed.push(item.event.offset);
      }
    })().catch(() => undefined);
    await one.until(() => viewed.length > 0, { what: 'the other client to see the session' });
    ended.abort();
    await reading;
  }
}

describe('the CLI of a session', () => {
  it('is started when it is created and when it is opened, and found ready by the first prompt; by looking at it, a reconnect or a takeover never [A-04]', async () => {
    const first = await system.startWorker();
    const one = await newSession(client);
    await one.one('child_started');
    expect(one.all('prompt_queued')).toEqual([]);
    await one.turn('[[say ready]]');
    expect(one.all('child_started')).toHaveLength(1);

    await using second = await system.startWorker();
    const { promptId } = await one.session.prompt('[[text count=1000 rate=20]]');
    const { turnId } = await one.one('turn_started', { promptId });
    await one.one('message_delta', { turnId });
    await first.stop('SIGKILL');
    expect(await one.one('turn_interrupted', { turnId })).toMatchObject({ delivered: true });
    await lookAt(one);
    const isNew = await newSession(client);
    await isNew.one('child_started');
    expect(await processesMentioning(one.session.sessionId)).toEqual([]);
    expect(one.all('child_started')).toHaveLength(1);

    await one.session.open();
    await one.until(() => one.all('child_started').length === 2, {
      what: 'the opened session to have a CLI',
    });
    expect(one.all('child_started')[1]).toMatchObject({ resumed: true });
    await one.turn('[[say warm]]');
    expect(one.all('child_started')).toHaveLength(2);
    expect(second.isRunning()).toBe(true);
  });
});
