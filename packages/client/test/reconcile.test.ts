// The one reconciliation of prompts sent from here with what the server says.
import {
  applyEvent,
  EMPTY_VIEW,
  mintTurnId,
  PromptId,
  SNAPSHOT_LIMITS,
  textContent,
  type SessionEvent,
} from '@holdfast/shared/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EMPTY_CONVERSATION,
  HoldfastError,
  reconcile,
  timelineOf,
  type Conversation,
  type ConversationInput,
} from '../src/index.ts';
import { LogWriter } from './support/events.ts';
import { logStep, ScriptedLog, type LogStep } from './support/script.ts';

const fold = (inputs: readonly ConversationInput[], state: Conversation = EMPTY_CONVERSATION): Conversation =>
  inputs.reduce<Conversation>(reconcile, state);
const sent = (id: string, text = 'ok'): ConversationInput => ({
  kind: 'sent',
  promptId: PromptId.parse(id),
  content: textContent(text),
});
const accepted = (id: string, isDuplicate = false): ConversationInput => ({
  kind: 'accepted',
  promptId: PromptId.parse(id),
  isDuplicate,
});
const failure = new HoldfastError({ code: 'internal', message: 'no', retryable: true });
const failed = (id: string): ConversationInput => ({
  kind: 'failed',
  promptId: PromptId.parse(id),
  error: failure,
});
const event = (value: SessionEvent): ConversationInput => ({ kind: 'event', event: value });
const resetTo = (events: readonly SessionEvent[], sameEpoch = true): ConversationInput => ({
  kind: 'reset',
  reason: sameEpoch ? 'trimmed' : 'epoch',
  sameEpoch,
  snapshot: events.reduce((view, next) => applyEvent(view, next, SNAPSHOT_LIMITS), EMPTY_VIEW),
});

/** The prompts on the screen, by id, in order. */
function prompts(state: Conversation): string[] {
  return timelineOf(state).flatMap((row) => {
    if (row.kind === 'local' || row.kind === 'queued') return [String(row.prompt.promptId)];
    return row.kind === 'message' && row.message.kind === 'prompt' ? [String(row.message.promptId)] : [];
  });
}

describe('reconciling', () => {
  it('keeps two equal prompts two, whichever of them the server shows first [J-02]', () => {
    const log = new LogWriter();
    log.created();
    const both = fold([sent('p1'), sent('p2'), event(log.queued('p2', 'ok'))]);
    expect(both.local.map((prompt) => prompt.promptId)).toEqual(['p1']);
    expect(prompts(fold([event(log.queued('p1', 'ok'))], both))).toEqual(['p2', 'p1']);
  });

  it('does not take an equal prompt of somebody else for ours, not even at the same time [J-02]', () => {
    const log = new LogWriter();
    const state = fold([sent('p1'), event(log.queued('theirs', 'ok'))]);
    expect(prompts(state)).toEqual(['theirs', 'p1']);
  });

  it('does not take a row of another kind with the same text for a prompt [J-02]', () => {
    const log = new LogWriter();
    const state = fold([sent('p1', 'ok'), event(log.completed(mintTurnId(), 'ok'))]);
    expect(timelineOf(state).map((row) => row.kind)).toEqual(['message', 'local']);
  });

  it('never brings a prompt back that the server showed and dropped again [J-02]', () => {
    const log = new LogWriter();
    const queued = log.queued('p1', 'ok');
    const by = queued.type === 'prompt_queued' ? queued.by : undefined;
    if (by === undefined) throw new Error('not a queued prompt');
    const cancelled = log.add({ type: 'prompt_cancelled', promptId: PromptId.parse('p1'), by });
    const state = fold([
      sent('p1'),
      event(queued),
      event(cancelled),
      accepted('p1'),
      sent('p1'),
      failed('p1'),
    ]);
    expect(prompts(state)).toEqual([]);
  });

  it('a prompt sent again after it failed takes its old place', () => {
    const state = fold([sent('p1'), sent('p2'), failed('p1'), sent('p1')]);
    expect(state.local.map((prompt) => [prompt.promptId, prompt.state.kind])).toEqual([
      ['p1', 'sending'],
      ['p2', 'sending'],
    ]);
  });

  it('keeps the rows of a running turn over a snapshot that was cut short [J-02]', () => {
    const log = new LogWriter();
    log.created();
    log.queued('p1', 'long work');
    const turnId = mintTurnId();
    log.started('p1', 'long work', turnId);
    for (let n = 0; n < 80; n += 1) log.completed(turnId, `${n} ${'x'.repeat(2_500)}`, `m${n}`);
    log.delta(turnId, 'half a sen', 'open');
    const shown = fold(log.events.map(event));
    const state = fold([resetTo(log.events)], shown);
    expect(state.view.messages).toEqual(shown.view.messages);
    expect(timelineOf(state).at(-1)).toMatchObject({ kind: 'open_block', block: { text: 'half a sen' } });
    expect(state.view.turn?.turnId).toBe(turnId);
    expect(state.hole).toBeNull();
  });

  it('believes the snapshot alone when the log is another one', () => {
    const old = new LogWriter();
    old.created();
    old.turn({ promptId: 'p1', text: 'lost', answer: 'lost too' });
    const fresh = new LogWriter();
    fresh.created();
    fresh.queued('p2', 'kept');
    const state = fold([...old.events.map(event), sent('p3'), resetTo(fresh.events, false)]);
    expect(prompts(state)).toEqual(['p2', 'p3']);
    expect(state.view.messages).toEqual([]);
  });

  it('drops an accepted prompt that a shortened snapshot does not show: the server has it among older rows', () => {
    const log = new LogWriter();
    log.created();
    for (let n = 0; n < 60; n += 1) log.turn({ promptId: `q${n}`, text: 'q', answer: 'a' });
    const state = fold([sent('q0'), accepted('q0'), sent('new'), resetTo(log.events)]);
    expect(state.local.map((prompt) => prompt.promptId)).toEqual(['new']);
    expect(fold([sent('q1'), accepted('q1', true)], state).local.map((prompt) => prompt.promptId)).toEqual([
      'new',
    ]);
  });

  it('shows where messages are missing', () => {
    const log = new LogWriter();
    log.created();
    log.turn({ promptId: 'p0', text: 'q', answer: 'a' });
    const shown = fold(log.events.map(event));
    for (let n = 1; n < 60; n += 1) log.turn({ promptId: `p${n}`, text: 'q', answer: 'a' });
    const rows = timelineOf(fold([resetTo(log.events)], shown));
    const at = rows.findIndex((row) => row.kind === 'hole');
    expect(rows[at - 1]).toMatchObject({ kind: 'message', message: { kind: 'turn_end' } });
    expect(rows[at]).toMatchObject({ after: shown.view.offset });
    expect(rows.filter((row) => row.kind === 'hole')).toHaveLength(1);
  });

  it('gives every row a key of its own, also when a prompt ran twice', () => {
    const log = new LogWriter();
    const state = fold([
      event(log.started('p1', 'a')),
      event(log.started('p1', 'a')),
      event(log.queued('p1', 'a')),
    ]);
    const keys = timelineOf(state).map((row) => row.key);
    expect(new Set(keys).size).toBe(3);
  });
});

type Action =
  | LogStep
  | { readonly kind: 'send' }
  | { readonly kind: 'arrive' }
  | { readonly kind: 'ack'; readonly isLost: boolean }
  | { readonly kind: 'reset' };
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: 'send' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'arrive' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ack' as const), isLost: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reset' as const }) },
  { weight: 10, arbitrary: logStep },
);

/** Prompts of ours on their way: sent -> arrived in the log -> acknowledged, in any order the network allows. */
class Scene {
  readonly script = new ScriptedLog();
  readonly sentIds: string[] = [];
  readonly arrivedIds: string[] = [];
  state = fold(this.script.events.map(event));
  #acked = 0;

  run(next: Action, at: number): void {
    if (next.kind === 'send') {
      const id = `ours-${this.sentIds.length}`;
      this.sentIds.push(id);
      this.state = fold([sent(id)], this.state);
    } else if (next.kind === 'arrive') {
      const id = this.sentIds[this.arrivedIds.length];
      if (id === undefined) return;
      this.arrivedIds.push(id);
      this.state = fold([event({ ...this.script.queue(id, 'ok'), at })], this.state);
    } else if (next.kind === 'ack') {
      const id = this.sentIds[this.#acked];
      if (id === undefined) return;
      this.#acked += 1;
      this.state = fold([next.isLost ? failed(id) : accepted(id)], this.state);
    } else if (next.kind === 'reset') this.state = fold([resetTo(this.script.events)], this.state);
    else
      this.state = fold(
        this.script.step(next).map((value) => event({ ...value, at })),
        this.state,
      );
  }
}

describe('whatever happens in whatever order', () => {
  it('a prompt of ours is on the screen exactly once until the server takes it away, and never after [J-02]', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.infiniteStream(fc.nat()), (actions, times) => {
        const scene = new Scene();
        for (const next of actions) {
          scene.run(next, times.next().value ?? 0);
          const shown = prompts(scene.state);
          const onServer = prompts(fold(scene.script.events.map(event)));
          const pending = scene.sentIds.slice(scene.arrivedIds.length);
          expect(shown).toEqual([...onServer, ...pending]);
        }
      }),
      { numRuns: 200 },
    );
  });
});
