// The client against a server that speaks the protocol: connect, attach, prompt, events, reconnect.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client, type SessionItem } from '../src/index.ts';
import { LogWriter } from './support/events.ts';
import { FakeGateway } from './support/fake-gateway.ts';
import { sessionIdOf } from './support/fake-log.ts';
import { until } from '../../../test/support/until.ts';

let gateway: FakeGateway;
const clients: Client[] = [];

function newClient(options: Partial<ConstructorParameters<typeof Client>[0]> = {}): Client {
  const client = new Client({ url: gateway.url, token: gateway.token, random: () => 0, ...options });
  clients.push(client);
  return client;
}

beforeEach(async () => {
  gateway = await new FakeGateway().start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await gateway.stop();
});

const sid = sessionIdOf(0);

async function collect(
  items: AsyncIterable<SessionItem>,
  isLast: (item: SessionItem) => boolean,
): Promise<SessionItem[]> {
  const seen: SessionItem[] = [];
  for await (const item of items) {
    seen.push(item);
    if (isLast(item)) break;
  }
  return seen;
}
const offsets = (items: readonly SessionItem[]): number[] =>
  items.flatMap((item) => (item.kind === 'event' ? [item.event.offset] : []));

describe('a client', () => {
  it('creates a session, prompts it, and reads the whole log from its start [J-01]', async () => {
    const client = newClient();
    const { session } = await client.create({ title: 'one' });
    const log = new LogWriter();
    log.created(session.sessionId);
    gateway.addLog(session.sessionId, log.events);
    const accepted = await session.prompt('hello', { promptId: 'p1' });
    log.turn({ promptId: 'p1', text: 'hello', answer: 'hi there' });
    gateway.append(session.sessionId, ...log.events.slice(1));

    const items = await collect(session.events({ from: 'start' }), (item) => item.kind === 'caught_up');

    expect(accepted).toEqual({ promptId: 'p1', duplicate: false });
    expect(offsets(items)).toEqual(log.events.map((event) => event.offset));
  });

  it('steers, changes what waits, lets a queue go on and renames, each by its own frame [B-05] [B-06] [B-11]', async () => {
    const session = newClient().session(sid);
    await session.prompt('look first', { promptId: 's', whenBusy: 'steer' });
    await session.editPrompt('p1', 'other words');
    await session.cancelPrompt('p1');
    await session.movePrompt('p2', 'p3');
    await session.movePrompt('p2', null);
    await session.resumeQueue();
    await session.set({ title: 'T', archived: true });
    expect(gateway.received.slice(1)).toMatchObject([
      { type: 'prompt', promptId: 's', whenBusy: 'steer' },
      { type: 'promptEdit', promptId: 'p1', content: [{ text: 'other words' }] },
      { type: 'promptCancel', promptId: 'p1' },
      { type: 'promptMove', promptId: 'p2', before: 'p3' },
      { type: 'promptMove', promptId: 'p2', before: null },
      { type: 'resumeQueue', sessionId: sid },
      { type: 'set', title: 'T', archived: true },
    ]);
  });

  it('goes on from its position after the connection was cut, with every event once [J-01]', async () => {
    const log = new LogWriter();
    log.created();
    gateway.addLog(sid, log.events);
    const client = newClient();
    const reading = collect(
      client.session(sid).events({ from: 'start' }),
      (item) => item.kind === 'event' && item.event.offset === 40,
    );
    await until(() => gateway.open.some((peer) => peer.attached.has(sid)), { what: 'attached' });
    for (let n = 2; n <= 40; n += 1) {
      if (n % 13 === 0) {
        gateway.cutAll();
        gateway.append(sid, log.queued(`p${n}`, 'while away'));
        await until(() => gateway.open.some((peer) => peer.attached.has(sid)), { what: 'attached again' });
      } else gateway.append(sid, log.queued(`p${n}`, 'live'));
    }

    expect(offsets(await reading)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });
});
