// Reading a session through cuts, gaps, repeats and resets: each event once, in order, nothing skipped silently.
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../src/index.ts';
import { LogWriter } from './support/events.ts';
import { sessionIdOf, type FakeLog } from './support/fake-log.ts';
import { Harness, Recorder, settled } from './support/harness.ts';

const sid = sessionIdOf(0);

function setup(count = 3): { harness: Harness; log: FakeLog; writer: LogWriter } {
  const harness = new Harness();
  const writer = new LogWriter();
  writer.created(sid);
  while (writer.offset < count) writer.queued(`p${writer.offset}`, 'text');
  return { harness, log: harness.gateway.addLog(sid, writer.events), writer };
}

describe('reading a session', () => {
  it('begins with a snapshot when no position is given [J-01]', async () => {
    const { harness } = setup();
    const reader = new Recorder(harness.client.session(sid).events());
    await settled();
    expect(reader.items).toMatchObject([
      { kind: 'reset', reason: 'new', position: { epoch: 'e1', offset: 3 }, snapshot: { offset: 3 } },
      { kind: 'caught_up' },
    ]);
  });

  it('continues exactly after a saved position, then live', async () => {
    const { harness, writer } = setup(5);
    const reader = new Recorder(harness.client.session(sid).events({ from: { epoch: 'e1', offset: 3 } }));
    harness.gateway.append(sid, writer.queued('px', 'later'));
    await settled();
    expect(reader.items).toMatchObject([
      { kind: 'event', position: { epoch: 'e1', offset: 4 }, live: false },
      { kind: 'event', position: { epoch: 'e1', offset: 5 }, live: false },
      { kind: 'caught_up', position: { epoch: 'e1', offset: 5 } },
      { kind: 'event', position: { epoch: 'e1', offset: 6 }, live: true },
    ]);
  });

  it('reads from the first event when the epoch is not known to the caller', async () => {
    const { harness } = setup(4);
    const reader = new Recorder(harness.client.session(sid).events({ from: 'start' }));
    await settled();
    expect(reader.offsets).toEqual([1, 2, 3, 4]);
    expect(reader.kinds).not.toContain('reset');
  });

  it('drops events that come twice', async () => {
    const { harness, writer } = setup();
    const reader = new Recorder(harness.client.session(sid).events({ from: 'start' }));
    harness.gateway.append(sid, writer.queued('px', 'once'));
    harness.gateway.pushEvents(sid, writer.events);
    await settled();
    expect(reader.offsets).toEqual([1, 2, 3, 4]);
    expect(harness.diagnostics).toEqual([]);
  });

  it('asks again for what is missing instead of skipping it [J-01]', async () => {
    const { harness, log, writer } = setup();
    const reader = new Recorder(harness.client.session(sid).events({ from: 'start' }));
    log.events.push(writer.queued('lost', 'not pushed'));
    harness.gateway.append(sid, writer.queued('px', 'pushed'));
    await settled();
    expect(reader.offsets).toEqual([1, 2, 3, 4, 5]);
    expect(harness.diagnostics).toEqual([{ kind: 'gap', sessionId: sid, offset: 3 }]);
  });

  it('asks again when the end of the replay is missing', async () => {
    const { harness, log, writer } = setup();
    const reader = new Recorder(harness.client.session(sid).events({ from: 'start' }));
    log.events.push(writer.queued('lost', 'not pushed'));
    harness.gateway.pushFrame(sid, { type: 'caughtUp', sessionId: sid, position: harness.gateway.head(sid) });
    await settled();
    expect(reader.offsets).toEqual([1, 2, 3, 4]);
  });

  it('takes no part of a merged event that overlaps what it has', async () => {
    const { harness, log, writer } = setup();
    const reader = new Recorder(harness.client.session(sid).events({ from: 'start' }));
    const one = writer.queued('p-one', 'one');
    const two = writer.queued('p-two', 'two');
    harness.gateway.append(sid, one);
    log.events.push(two);
    harness.gateway.pushEvents(sid, [{ ...one, upTo: two.offset }]);
    await settled();
    expect(reader.offsets).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([
    { reason: 'trimmed', change: (log: FakeLog) => Object.assign(log, { trimmedTo: 3 }) },
    { reason: 'epoch', change: (log: FakeLog) => Object.assign(log, { epoch: 'e2' }) },
    { reason: 'ahead', change: (log: FakeLog) => Object.assign(log, { events: log.events.slice(0, 1) }) },
  ])('hands on the reset with reason $reason after a reconnect', async ({ reason, change }) => {
    const { harness, log, writer } = setup(2);
    const reader = new Recorder(harness.client.session(sid).events({ from: 'start' }));
    harness.gateway.cutAll();
    log.events.push(writer.queued('p8', 'away'), writer.queued('p9', 'away'));
    change(log);
    harness.clock.advance(0);
    await settled();
    const reset = reader.items.find((item) => item.kind === 'reset');
    expect(reset).toMatchObject({ reason, position: harness.gateway.head(sid) });
    expect(reader.offsets).toEqual([1, 2]);
  });

  it('notices a new epoch in the live stream and starts over from its snapshot', async () => {
    const { harness, log, writer } = setup();
    const reader = new Recorder(harness.client.session(sid).events({ from: 'start' }));
    log.epoch = 'e2';
    harness.gateway.append(sid, writer.queued('px', 'after the loss'));
    await settled();
    expect(reader.items.slice(-2)).toMatchObject([
      { kind: 'reset', reason: 'epoch', position: { epoch: 'e2', offset: 4 } },
      { kind: 'caught_up' },
    ]);
  });

  it('gives a socket up that keeps sending gaps, and backs off [J-01]', async () => {
    const { harness, writer } = setup();
    const reader = new Recorder(harness.client.session(sid).events({ from: 'start' }));
    const far = { ...writer.queued('far', 'x'), offset: 99 };
    for (let n = 0; n < 3; n += 1) harness.gateway.pushEvents(sid, [far]);
    expect(harness.client.connection.getSnapshot()).toMatchObject({ kind: 'reconnecting', attempt: 1 });
    harness.clock.advance(0);
    await settled();
    expect(harness.gateway.framesOf('hello')).toHaveLength(2);
    expect(reader.offsets).toEqual([1, 2, 3]);
  });

  it('ends with the error of the service when there is no such session', async () => {
    const harness = new Harness();
    const reader = new Recorder(harness.client.session(sid).events());
    const error = await reader.done;
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).toMatchObject({ code: 'session_not_found', retryable: false });
  });

  it('ends when the session is deleted while it is read', async () => {
    const { harness } = setup();
    const reader = new Recorder(harness.client.session(sid).events());
    const gone = { code: 'session_not_found', message: 'gone', retryable: false };
    harness.gateway.pushFrame(sid, { type: 'error', sessionId: sid, ...gone });
    expect(await reader.done).toMatchObject({ code: 'session_not_found' });
  });

  it('tries again by itself after an error that may pass', async () => {
    const { harness } = setup();
    let refusals = 2;
    harness.gateway.intercept = (frame, peer) => {
      if (frame.type !== 'attach' || refusals === 0) return undefined;
      refusals -= 1;
      const { requestId } = frame;
      const busy = {
        type: 'error',
        requestId,
        code: 'storage_unavailable',
        message: 'later',
        retryable: true,
      };
      peer.socket.send(JSON.stringify(busy));
      return 'swallow';
    };
    const reader = new Recorder(harness.client.session(sid).events({ from: { epoch: 'e1', offset: 0 } }));
    harness.clock.advance(0);
    harness.clock.advance(0);
    await settled();
    expect(reader.offsets).toEqual([1, 2, 3]);
  });

  it('gives a gateway up that never answers the attach', async () => {
    const { harness } = setup();
    harness.gateway.intercept = (frame) => (frame.type === 'attach' ? 'swallow' : undefined);
    const reader = new Recorder(harness.client.session(sid).events({ from: { epoch: 'e1', offset: 0 } }));
    harness.clock.advance(14_999);
    harness.gateway.intercept = () => undefined;
    harness.clock.advance(1);
    harness.clock.advance(0);
    await settled();
    expect(harness.gateway.framesOf('hello')).toHaveLength(2);
    expect(reader.offsets).toEqual([1, 2, 3]);
  });

  it('takes nothing before its own attach is answered: those frames belong to an attachment given up', async () => {
    const { harness, writer } = setup();
    harness.gateway.intercept = (frame, peer) => {
      if (frame.type !== 'attach') return undefined;
      const position = { epoch: 'e1', offset: 3 };
      const stale = { type: 'attached', requestId: 'older', sessionId: sid, position, status: 'idle' };
      peer.socket.send(JSON.stringify(stale));
      peer.socket.send(
        JSON.stringify({ type: 'events', sessionId: sid, epoch: 'e1', events: writer.events }),
      );
      return 'swallow';
    };
    const reader = new Recorder(harness.client.session(sid).events({ from: { epoch: 'e1', offset: 0 } }));
    await settled();
    expect(reader.items).toEqual([]);
  });

  it('pauses while its reader is far behind, and goes on without a gap', async () => {
    const { harness, writer } = setup();
    const stream = harness.client.session(sid).events({ from: 'start' });
    for (let n = 0; n < 6_000; n += 1) harness.gateway.append(sid, writer.queued(`q${n}`, 'x'));
    expect(harness.gateway.open.some((peer) => peer.attached.has(sid))).toBe(false);
    const reader = new Recorder(stream);
    await expect.poll(() => reader.offsets.length).toBe(6_003);
    expect(reader.offsets).toEqual(writer.events.map((event) => event.offset));
    expect(harness.gateway.open.some((peer) => peer.attached.has(sid))).toBe(true);
  });

  it('ends quietly when its signal aborts, and detaches', async () => {
    const { harness } = setup();
    const stop = new AbortController();
    const reader = new Recorder(harness.client.session(sid).events({ signal: stop.signal }));
    stop.abort();
    expect(await reader.done).toBeUndefined();
    expect(harness.gateway.open.some((peer) => peer.attached.has(sid))).toBe(false);
  });

  it('gives a second reader of the same session its own connection, and takes it down with the reader', async () => {
    const { harness, writer } = setup();
    const session = harness.client.session(sid);
    const one = new Recorder(session.events({ from: 'start' }));
    const second = session.events({ from: { epoch: 'e1', offset: 2 } });
    const two = new Recorder(second);
    harness.gateway.append(sid, writer.queued('px', 'for both'));
    await settled();
    expect([one.offsets, two.offsets]).toEqual([
      [1, 2, 3, 4],
      [3, 4],
    ]);
    expect(harness.gateway.open).toHaveLength(2);
    await second.return();
    expect(harness.gateway.open).toHaveLength(1);
  });

  it('carries many sessions over one connection and resumes each from its own place', async () => {
    const harness = new Harness();
    const writers = [0, 1, 2, 3].map((n) => {
      const writer = new LogWriter();
      writer.created(sessionIdOf(n));
      harness.gateway.addLog(sessionIdOf(n), writer.events);
      return writer;
    });
    const readers = writers.map(
      (_, n) => new Recorder(harness.client.session(sessionIdOf(n)).events({ from: 'start' })),
    );
    writers.forEach((writer, n) => {
      for (let i = 0; i <= n; i += 1) harness.gateway.append(sessionIdOf(n), writer.queued(`p${i}`, 'x'));
    });
    harness.gateway.cutAll();
    harness.clock.advance(0);
    await settled();
    expect(readers.map((reader) => reader.offsets.length)).toEqual([2, 3, 4, 5]);
    expect(harness.gateway.peers).toHaveLength(2);
    expect(harness.gateway.peers[1]?.received.filter((frame) => frame.type === 'attach')).toMatchObject([
      { position: { offset: 2 } },
      { position: { offset: 3 } },
      { position: { offset: 4 } },
      { position: { offset: 5 } },
    ]);
  });
});
