// Requests over a connection that comes and goes.
import { describe, expect, it } from 'vitest';
import { sessionIdOf } from './support/fake-log.ts';
import { Harness, settled } from './support/harness.ts';

const sid = sessionIdOf(0);
const turnId = '0b0e7c1e-6d0c-4a4e-9d0a-0f6a3a1f0a01';

/** A connected client whose gateway does what it is told but loses every answer. */
function deafHarness(): Harness {
  const harness = new Harness();
  harness.client.connect();
  harness.gateway.intercept = (frame, peer) => {
    if (frame.type === 'hello') return undefined;
    const answers: string[] = [];
    const mute = { ...peer.socket, readyState: 1, send: (text: string) => answers.push(text) };
    harness.gateway.answer(frame, { ...peer, socket: mute });
    return 'swallow';
  };
  return harness;
}

function reconnect(harness: Harness): void {
  harness.gateway.intercept = () => undefined;
  harness.gateway.cutAll();
  harness.clock.advance(0);
}

function sendAway(harness: Harness, reconnectAfterMs: number): void {
  harness.gateway.open[0]?.socket.send(JSON.stringify({ type: 'goingAway', reconnectAfterMs }));
}

describe('a request without an answer', () => {
  it('is sent again after a reconnect when it is a prompt, with the same id, and done once [J-01]', async () => {
    const harness = deafHarness();
    const prompting = harness.client.session(sid).prompt('hello');
    reconnect(harness);
    const { promptId, duplicate } = await prompting;
    expect(duplicate).toBe(true);
    expect(harness.gateway.framesOf('prompt').map((frame) => frame.promptId)).toEqual([promptId, promptId]);
    expect(harness.gateway.prompts.size).toBe(1);
  });

  it('is sent again when it creates a session, and creates one', async () => {
    const harness = deafHarness();
    const creating = harness.client.create({ title: 'once' });
    reconnect(harness);
    expect((await creating).duplicate).toBe(true);
    expect(harness.gateway.framesOf('create')).toHaveLength(2);
    expect(harness.gateway.creates.size).toBe(1);
  });

  it('is sent again when it is an abort that names its turn [J-01]', async () => {
    const harness = deafHarness();
    const aborting = harness.client.session(sid).abort({ turnId });
    reconnect(harness);
    expect(await aborting).toEqual({ turnId });
    expect(harness.gateway.framesOf('abort')).toHaveLength(2);
  });

  it('is sent again when it is a decision, the same one about the same input [J-01]', async () => {
    const harness = deafHarness();
    const deny = { kind: 'deny', message: 'not now' } as const;
    const deciding = harness.client.session(sid).decide('a1', deny, { inputDigest: 'd'.repeat(64) });
    reconnect(harness);
    expect(await deciding).toEqual({ duplicate: false });
    const [first, again, ...more] = harness.gateway.framesOf('decide');
    expect(first).toMatchObject({ approvalId: 'a1', decision: deny, inputDigest: 'd'.repeat(64) });
    expect({ ...again, requestId: '' }).toEqual({ ...first, requestId: '' });
    expect(more).toEqual([]);
  });

  it('fails when it is an abort of whatever runs, since by now that could be a later turn', async () => {
    const harness = deafHarness();
    const aborting = harness.client.session(sid).abort();
    reconnect(harness);
    await expect(aborting).rejects.toMatchObject({ code: 'connection_lost', retryable: true });
    expect(harness.gateway.framesOf('abort')).toHaveLength(1);
  });

  it('fails at its deadline, over reconnects', async () => {
    const harness = deafHarness();
    const prompting = harness.client.session(sid).prompt('hello');
    harness.clock.advance(29_999);
    const settledEarly = await Promise.race([
      prompting.catch(() => 'settled'),
      settled().then(() => 'pending'),
    ]);
    harness.clock.advance(1);
    await expect(prompting).rejects.toMatchObject({ code: 'deadline_exceeded', retryable: true });
    expect(settledEarly).toBe('pending');
  });
});

describe('a request', () => {
  it('waits for the connection, then goes out once', async () => {
    const harness = new Harness({ createTransport: () => harness.gateway.memoryTransport() });
    const prompting = harness.client.session(sid).prompt('early');
    await expect(prompting).resolves.toMatchObject({ duplicate: false });
    expect(harness.gateway.framesOf('prompt')).toHaveLength(1);
  });

  it('is rejected with the code of the catalogue that the service gave', async () => {
    const harness = new Harness();
    harness.gateway.intercept = (frame, peer) => {
      if (frame.type !== 'prompt') return undefined;
      const error = {
        code: 'queue_full',
        message: 'The queue is full.',
        retryable: true,
        details: { limit: 5 },
      };
      peer.socket.send(JSON.stringify({ type: 'error', requestId: frame.requestId, ...error }));
      return 'swallow';
    };
    await expect(harness.client.session(sid).prompt('x')).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'queue_full',
      message: 'The queue is full.',
      retryable: true,
      details: { limit: 5 },
    });
  });

  it('refused because the gateway goes away is sent to the next one', async () => {
    const harness = new Harness();
    harness.gateway.intercept = (frame, peer) => {
      if (frame.type !== 'prompt') return undefined;
      const error = { code: 'going_away', message: 'stopping', retryable: true };
      peer.socket.send(JSON.stringify({ type: 'error', requestId: frame.requestId, ...error }));
      return 'swallow';
    };
    const prompting = harness.client.session(sid).prompt('x');
    reconnect(harness);
    await expect(prompting).resolves.toMatchObject({ duplicate: false });
  });

  it('refused because the gateway goes away is sent to the next one, also when it can be done once only [E-05]', async () => {
    const harness = new Harness();
    harness.gateway.intercept = (frame, peer) => {
      if (frame.type !== 'resumeQueue') return undefined;
      const error = { code: 'going_away', message: 'stopping', retryable: true };
      peer.socket.send(JSON.stringify({ type: 'error', requestId: frame.requestId, ...error }));
      return 'swallow';
    };
    const resuming = harness.client.session(sid).resumeQueue();
    reconnect(harness);
    await resuming;
    expect(harness.gateway.framesOf('resumeQueue')).toHaveLength(2);
  });

  it('that can be sent once only is kept for the next gateway when this one goes away [E-05]', async () => {
    const harness = new Harness();
    harness.client.connect();
    sendAway(harness, 100);
    const resuming = harness.client.session(sid).resumeQueue();
    const prompting = harness.client.session(sid).prompt('may be sent twice');
    expect([harness.gateway.framesOf('resumeQueue'), harness.gateway.framesOf('prompt')]).toMatchObject([
      [],
      [{ type: 'prompt' }],
    ]);
    harness.clock.advance(100);
    await Promise.all([resuming, prompting]);
    expect(harness.gateway.framesOf('resumeQueue')).toHaveLength(1);
  });

  it('that can be sent once only and waits for its answer keeps the client with a gateway that goes away [E-05]', async () => {
    const harness = deafHarness();
    const resuming = harness.client.session(sid).resumeQueue();
    sendAway(harness, 0);
    harness.clock.advance(249);
    const [request] = harness.gateway.framesOf('resumeQueue');
    const ack = { type: 'ack', requestId: request?.requestId, sessionId: sid };
    harness.gateway.open[0]?.socket.send(JSON.stringify(ack));
    await resuming;
    harness.gateway.intercept = () => undefined;
    harness.clock.advance(1);
    expect(harness.gateway.peers).toHaveLength(2);
    expect(harness.client.connection.getSnapshot()).toEqual({ kind: 'live' });
  });

  it('larger than the gateway takes is refused here, and the connection lives', async () => {
    const harness = new Harness();
    harness.gateway.maxFrameBytes = 1_000;
    harness.client.connect();
    await expect(harness.client.session(sid).prompt('ü'.repeat(500))).rejects.toMatchObject({
      code: 'frame_too_large',
    });
    expect(harness.client.connection.getSnapshot()).toEqual({ kind: 'live' });
  });

  it('fails when the client is closed, before and after', async () => {
    const harness = deafHarness();
    const before = harness.client.session(sid).prompt('x');
    harness.client.close();
    await expect(before).rejects.toMatchObject({ code: 'client_closed' });
    await expect(harness.client.session(sid).prompt('x')).rejects.toMatchObject({ code: 'client_closed' });
  });

  it('fails with what ended the connection for good', async () => {
    const harness = new Harness({ token: 'wrong-token-000000' });
    await expect(harness.client.session(sid).prompt('x')).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(harness.client.connection.getSnapshot()).toEqual({ kind: 'closed', code: 'unauthenticated' });
  });
});

describe('the connection', () => {
  it('notices a half-open socket within 25 s and comes back by itself [D-10]', async () => {
    const harness = new Harness({ random: () => 0.5 });
    harness.client.connect();
    harness.gateway.intercept = () => 'swallow';
    harness.clock.advance(22_999);
    expect(harness.client.connection.getSnapshot()).toEqual({ kind: 'live' });
    harness.clock.advance(1);
    expect(harness.gateway.framesOf('ping')).toHaveLength(1);
    expect(harness.client.connection.getSnapshot()).toMatchObject({ kind: 'reconnecting' });
    harness.gateway.intercept = () => undefined;
    harness.clock.advance(250);
    expect(harness.client.connection.getSnapshot()).toEqual({ kind: 'live' });
  });

  it('shows a close at once, and the page coming back online ends the wait [D-10]', () => {
    let isUp = true;
    const harness: Harness = new Harness({
      random: () => 0.9,
      createTransport: () => {
        if (!isUp) throw new Error('no network');
        return harness.gateway.memoryTransport();
      },
    });
    harness.client.connect();
    isUp = false;
    harness.gateway.cutAll();
    expect(harness.client.connection.getSnapshot()).toMatchObject({ kind: 'reconnecting', attempt: 1 });
    harness.signal('offline');
    expect(harness.client.connection.getSnapshot()).toEqual({ kind: 'offline' });
    isUp = true;
    harness.signal('online');
    expect(harness.client.connection.getSnapshot()).toEqual({ kind: 'live' });
  });

  it('leaves no timer behind when it is closed', () => {
    const harness = new Harness();
    harness.client.connect();
    harness.client.close();
    expect(harness.clock.pendingCount).toBe(0);
  });

  it('drops a socket that sends nonsense', () => {
    const harness = new Harness();
    harness.client.connect();
    harness.gateway.open[0]?.socket.send('{"type":"welcome"}');
    expect(harness.diagnostics).toMatchObject([{ kind: 'invalid_frame' }]);
    expect(harness.client.connection.getSnapshot()).toMatchObject({ kind: 'reconnecting' });
  });

  it('passes over frames of a newer service', () => {
    const harness = new Harness();
    harness.client.connect();
    harness.gateway.open[0]?.socket.send('{"type":"dance"}');
    expect(harness.diagnostics).toEqual([{ kind: 'unknown_frame', type: 'dance' }]);
    expect(harness.client.connection.getSnapshot()).toEqual({ kind: 'live' });
  });
});
