// The store of a session: its view over cuts, its connection state, prompts sent from here.
import { applyEvent, EMPTY_VIEW, SNAPSHOT_LIMITS, type SessionView } from '@holdfast/shared/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogWriter } from './support/events.ts';
import { mergeDeltas, sessionIdOf } from './support/fake-log.ts';
import { Harness, settled } from './support/harness.ts';
import { logStep, ScriptedLog, type LogStep } from './support/script.ts';

const sid = sessionIdOf(0);

type Fault = { readonly kind: 'cut' | 'repeat' | 'drop' | 'merge' | 'new_epoch' | 'wait' | 'listen_again' };
const fault = fc.record({
  kind: fc.constantFrom<Fault['kind']>('cut', 'repeat', 'drop', 'merge', 'new_epoch', 'wait', 'listen_again'),
});
const actions = fc.array(fc.oneof({ weight: 4, arbitrary: logStep }, { weight: 1, arbitrary: fault }), {
  minLength: 1,
  maxLength: 80,
});

function isFault(action: LogStep | Fault): action is Fault {
  return ['cut', 'repeat', 'drop', 'merge', 'new_epoch', 'wait', 'listen_again'].includes(action.kind);
}

/** Lives through the actions and returns what the store shows at the end, and the fold of the whole log. */
function live(from: 'start' | 'snapshot', steps: readonly (LogStep | Fault)[]): [SessionView, SessionView] {
  const harness = new Harness();
  const script = new ScriptedLog();
  const log = harness.gateway.addLog(sid, script.events);
  log.mergesDeltas = true;
  const store = harness.client.session(sid).store({ from });
  let unsubscribe = store.subscribe(() => undefined);
  let mode: 'push' | 'drop' | 'merge' = 'push';
  for (const action of steps) {
    if (!isFault(action)) {
      const events = script.step(action);
      log.events.push(...events);
      if (mode === 'merge') harness.gateway.pushEvents(sid, mergeDeltas(log.events.slice(-5)));
      else if (mode === 'push') for (const event of events) harness.gateway.pushEvents(sid, [event]);
      mode = 'push';
    } else if (action.kind === 'cut') harness.gateway.cutAll();
    else if (action.kind === 'repeat') harness.gateway.pushEvents(sid, log.events.slice(-3));
    else if (action.kind === 'new_epoch') log.epoch = `${log.epoch}x`;
    else if (action.kind === 'wait') harness.clock.advance(1_000);
    else if (action.kind === 'listen_again') {
      unsubscribe();
      unsubscribe = store.subscribe(() => undefined);
    } else mode = action.kind;
  }
  harness.gateway.cutAll();
  harness.clock.advance(20_000);
  expect(store.getSnapshot().connection).toEqual({ kind: 'live' });
  harness.client.close();
  return [
    store.getSnapshot().view,
    script.events.reduce((view, event) => applyEvent(view, event), EMPTY_VIEW),
  ];
}

describe('the view of a session store', () => {
  it('over cuts, repeats, losses, merges and new epochs equals the fold of the whole log [J-01]', () => {
    fc.assert(
      fc.property(fc.constantFrom('start' as const, 'snapshot' as const), actions, (from, steps) => {
        const [shown, whole] = live(from, steps);
        expect(shown).toEqual(whole);
      }),
      { numRuns: 150 },
    );
  });
});

describe('the state a session store tells', () => {
  it('is live only when both the connection and the replay are there [J-01]', async () => {
    const harness = new Harness({ random: () => 0.9 });
    const log = new LogWriter();
    log.created();
    harness.gateway.addLog(sid, log.events);
    const store = harness.client.session(sid).store();
    const seen: string[] = [];
    expect(store.getSnapshot().connection.kind).toBe('connecting');
    store.subscribe(() => {
      const { kind } = store.getSnapshot().connection;
      if (seen.at(-1) !== kind) seen.push(kind);
    });
    harness.gateway.cutAll();
    harness.clock.advance(1_000);
    harness.signal('offline');
    harness.client.close();
    await settled();
    expect(seen).toEqual([
      'catching_up',
      'live',
      'reconnecting',
      'catching_up',
      'live',
      'offline',
      'live',
      'closed',
    ]);
  });

  it('carries the reason when the session can not be read', () => {
    const store = new Harness().client.session(sid).store();
    store.subscribe(() => undefined);
    expect(store.getSnapshot().error).toMatchObject({ code: 'session_not_found' });
  });

  it('tells its listeners once for each frame, and keeps the snapshot while nothing changes', () => {
    const harness = new Harness();
    const log = new LogWriter();
    log.created();
    harness.gateway.addLog(sid, log.events);
    const store = harness.client.session(sid).store();
    let calls = 0;
    store.subscribe(() => (calls += 1));
    const before = store.getSnapshot();
    calls = 0;
    harness.gateway.append(sid, log.queued('p1', 'a'), log.queued('p2', 'b'), log.queued('p3', 'c'));
    const after = store.getSnapshot();
    expect(calls).toBe(1);
    expect(after).not.toBe(before);
    expect(store.getSnapshot()).toBe(after);
  });

  it('detaches when nobody listens, and goes on from its position for the next listener', () => {
    const harness = new Harness();
    const log = new LogWriter();
    log.created();
    harness.gateway.addLog(sid, log.events);
    const store = harness.client.session(sid).store();
    store.subscribe(() => undefined)();
    expect(harness.gateway.open[0]?.attached.size).toBe(0);
    harness.gateway.append(sid, log.queued('p1', 'while nobody listened'));
    store.subscribe(() => undefined);
    expect(store.getSnapshot()).toMatchObject({ position: { offset: 2 }, status: 'queued' });
    expect(harness.gateway.framesOf('attach').at(-1)?.position).toEqual({ epoch: 'e1', offset: 1 });
  });
});

describe('a prompt sent from here', () => {
  it('shows at once, then once more as nothing else, from sending to the running turn [J-02]', async () => {
    const harness = new Harness();
    const log = new LogWriter();
    log.created();
    harness.gateway.addLog(sid, log.events);
    const session = harness.client.session(sid);
    const store = session.store();
    store.subscribe(() => undefined);
    const states: string[] = [];
    store.subscribe(() => {
      const { local, view } = store.getSnapshot();
      states.push(`${local.map((p) => p.state.kind).join()}|${view.queue.length}|${view.messages.length}`);
    });
    await session.prompt('ok', { promptId: 'p1' });
    harness.gateway.append(sid, log.queued('p1', 'ok'));
    harness.gateway.append(sid, log.started('p1', 'ok'));
    expect(states).toEqual(['sending|0|0', 'accepted|0|0', '|1|0', '|0|1']);
  });

  it('stays with its error when it is refused, until it is dismissed', async () => {
    const harness = new Harness();
    harness.gateway.addLog(sid, []);
    harness.gateway.intercept = (frame, peer) => {
      if (frame.type !== 'prompt') return undefined;
      const error = { code: 'storage_full', message: 'full', retryable: true };
      peer.socket.send(JSON.stringify({ type: 'error', requestId: frame.requestId, ...error }));
      return 'swallow';
    };
    const session = harness.client.session(sid);
    const store = session.store();
    await expect(session.prompt('ok', { promptId: 'p1' })).rejects.toMatchObject({ code: 'storage_full' });
    const [prompt] = store.getSnapshot().local;
    expect(prompt).toMatchObject({
      promptId: 'p1',
      state: { kind: 'failed', error: { code: 'storage_full' } },
    });
    if (prompt !== undefined) store.dismiss(prompt.promptId);
    expect(store.getSnapshot().local).toEqual([]);
  });

  it('is aborted by the name of its turn once the store shows it running', async () => {
    const harness = new Harness();
    const log = new LogWriter();
    log.created();
    log.started('p1', 'x');
    harness.gateway.addLog(sid, log.events);
    const session = harness.client.session(sid);
    session.store().subscribe(() => undefined);
    const { turnId } = await session.abort();
    expect(turnId).toBe(session.store().getSnapshot().view.turn?.turnId);
    expect(harness.gateway.framesOf('abort')).toMatchObject([{ turnId }]);
  });
});

describe('a snapshot', () => {
  it('of a long session keeps the rows that were shown before it, whole', () => {
    const harness = new Harness();
    const log = new LogWriter();
    log.created();
    for (let n = 0; n < 30; n += 1) log.turn({ promptId: `a${n}`, text: 'q', answer: 'x'.repeat(3_000) });
    const fake = harness.gateway.addLog(sid, log.events);
    const store = harness.client.session(sid).store({ from: 'start' });
    store.subscribe(() => undefined);
    const before = store.getSnapshot().view.messages;
    harness.gateway.cutAll();
    for (let n = 0; n < 30; n += 1) log.turn({ promptId: `b${n}`, text: 'q', answer: 'y'.repeat(3_000) });
    Object.assign(fake, { events: [...log.events], trimmedTo: log.offset - 1 });
    harness.clock.advance(0);
    const { view, hole } = store.getSnapshot();
    const bounded = log.events.reduce((v, event) => applyEvent(v, event, SNAPSHOT_LIMITS), EMPTY_VIEW);
    const [first] = bounded.messages;
    expect(view.messages).toEqual([...before, ...bounded.messages]);
    expect(hole).toEqual({ after: before.at(-1)?.offset, before: first?.offset });
    expect(view.messages.length + view.messagesDropped).toBe(180);
  });
});
