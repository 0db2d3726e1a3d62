// Whatever is done to a queue, what it tells Redis leaves the same queue there; and what commands do to a queue.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contentText,
  mintTurnId,
  PromptId,
  textContent,
  UserId,
  type CommandOf,
  type EventBody,
} from '@holdfast/shared/protocol';
import type { QueueChange } from '@holdfast/shared/store';
import { PromptQueue, unsteered, type WaitingPrompt } from '../../src/session/prompt-queue.ts';
import { changeQueue, queuePrompt } from '../../src/session/queue-commands.ts';

const by = UserId.parse('local');
const waiting = (id: string): WaitingPrompt => ({
  promptId: PromptId.parse(id),
  content: textContent(id),
  by,
  attempt: 1,
});

/** The two keys of a queue in Redis, as the append script changes them. */
class StoredQueue {
  readonly prompts = new Map<string, string>();
  readonly order = new Map<string, number>();

  apply(changes: readonly QueueChange[]): void {
    for (const change of changes) {
      if (change.op === 'put') {
        this.prompts.set(change.promptId, change.json);
        this.order.set(change.promptId, change.score);
      } else if (change.op === 'score') {
        if (this.order.has(change.promptId)) this.order.set(change.promptId, change.score);
      } else {
        this.order.delete(change.promptId);
        if (change.op === 'del') this.prompts.delete(change.promptId);
      }
    }
  }

  /** As a next owner reads it. Equal scores would leave the order to chance. */
  waiting(): { score: number; json: string }[] {
    const rows = [...this.order].map(([id, score]) => ({ score, json: this.prompts.get(id) ?? '' }));
    expect(new Set(rows.map(({ score }) => score)).size).toBe(rows.length);
    return rows.toSorted((one, other) => one.score - other.score);
  }
}

function drain(queue: PromptQueue): { id: string; text: string | undefined }[] {
  const rows: { id: string; text: string | undefined }[] = [];
  queue.isPaused = false;
  for (let next = queue.next(); next !== undefined; next = queue.next()) {
    rows.push({ id: next.promptId, text: contentText(next.content) });
    queue.remove(next.promptId);
  }
  return rows;
}

const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
const anId = fc.constantFrom(...ids);
const operation = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), id: anId }),
  fc.record({ kind: fc.constant('putBack' as const), id: anId }),
  fc.record({ kind: fc.constant('remove' as const), id: anId }),
  fc.record({ kind: fc.constant('take' as const), id: anId }),
  fc.record({ kind: fc.constant('steer' as const), id: anId }),
  fc.record({
    kind: fc.constant('edit' as const),
    id: anId,
    text: fc.string({ minLength: 1, maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('move' as const), id: anId, before: fc.option(anId) }),
  fc.record({ kind: fc.constant('clear' as const) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
type Row = { readonly id: string; readonly text: string | undefined };

/** What the queue is expected to hold after an operation: written down as plainly as can be. */
function expected(rows: readonly Row[], op: Operation): readonly Row[] {
  if (op.kind === 'clear') return [];
  const row = rows.find(({ id }) => id === op.id);
  const rest = rows.filter(({ id }) => id !== op.id);
  if (op.kind === 'add') return row === undefined ? [...rows, { id: op.id, text: op.id }] : rows;
  if (op.kind === 'putBack') return row === undefined ? [{ id: op.id, text: op.id }, ...rows] : rows;
  if (row === undefined) return rows;
  if (op.kind === 'edit') return rows.map((each) => (each === row ? { ...row, text: op.text } : each));
  if (op.kind !== 'move') return rest;
  const at = op.before === null ? rest.length : rest.findIndex(({ id }) => id === op.before);
  return at === -1 ? rows : rest.toSpliced(at, 0, row);
}

function apply(queue: PromptQueue, op: Operation): readonly QueueChange[] {
  switch (op.kind) {
    case 'clear':
      return queue.clear();
    case 'add':
      return queue.has(op.id) ? [] : [queue.add(waiting(op.id))];
    case 'putBack':
      return queue.has(op.id) ? [] : [queue.putBack(waiting(op.id))];
    case 'remove':
      return queue.has(op.id) ? [queue.remove(op.id)] : [];
    case 'take':
      return queue.has(op.id) ? [queue.take(op.id)] : [];
    case 'steer':
      return queue.has(op.id) ? queue.steer(waiting(op.id), mintTurnId()) : [];
    case 'edit':
      return [queue.edit(op.id, textContent(op.text))].filter((change) => change !== undefined);
    case 'move':
      return queue.move(op.id, op.before) ?? [];
  }
}

describe('any operations on a queue', () => {
  it('keep the order, and leave the same queue in Redis after every one of them [B-05] [B-07]', () => {
    const operations = fc.array(operation, { maxLength: 60 });
    fc.assert(
      fc.property(operations, (list) => {
        const queue = new PromptQueue([], false);
        const stored = new StoredQueue();
        let rows: readonly Row[] = [];
        for (const op of list) {
          rows = expected(rows, op);
          stored.apply(apply(queue, op));
          expect(drain(new PromptQueue(stored.waiting(), false))).toEqual(rows);
        }
        expect(drain(queue)).toEqual(rows);
      }),
    );
  });

  it('may move into the same gap for ever: the places are numbered anew in time [B-05]', () => {
    const queue = new PromptQueue([], false);
    const stored = new StoredQueue();
    for (const id of ['a', 'b', 'c']) stored.apply([queue.add(waiting(id))]);
    for (let round = 0; round < 200; round += 1) {
      const [first, , last] = round % 2 === 0 ? ['a', 'b', 'c'] : ['a', 'c', 'b'];
      const before = round % 2 === 0 ? 'b' : 'c';
      stored.apply(queue.move(last ?? '', before) ?? []);
      const order = drain(new PromptQueue(stored.waiting(), false)).map(({ id }) => id);
      expect(order).toEqual([first, last, before]);
    }
  });
});

const command = (id: string, whenBusy?: 'steer' | 'interrupt'): CommandOf<'prompt'> => ({
  type: 'prompt',
  promptId: PromptId.parse(id),
  content: textContent(id),
  by,
  whenBusy,
});
const typesOf = (events: readonly EventBody[]): string[] => events.map((event) => event.type);
const orderOf = (queue: PromptQueue): string[] => drain(queue).map(({ id }) => id);

describe('a prompt', () => {
  const turnId = mintTurnId();

  it('that interrupts is in front of all; one that steers is behind its like, before the others [B-06]', () => {
    const queue = new PromptQueue([], true);
    queuePrompt(queue, command('a'), turnId);
    const steered = queuePrompt(queue, command('s1', 'steer'), turnId);
    queuePrompt(queue, command('s2', 'steer'), turnId);
    expect(typesOf(steered.events)).toEqual(['prompt_queued', 'prompt_moved']);
    expect(queue.isPaused).toBe(false);
    expect(queue.nextSteer()?.promptId).toBe('s1');
    const urgent = queuePrompt(queue, command('i', 'interrupt'), turnId);
    expect(urgent.events.at(-1)).toMatchObject({ type: 'prompt_moved', promptId: 'i', before: 's1' });
    expect(queue.nextSteer()).toBeUndefined();
    expect(orderOf(queue)).toEqual(['i', 's1', 's2', 'a']);
  });

  it('that steers where no turn runs is an ordinary one [B-06]', () => {
    const queue = new PromptQueue([], false);
    queuePrompt(queue, command('a'), null);
    const { events } = queuePrompt(queue, command('s', 'steer'), null);
    expect(typesOf(events)).toEqual(['prompt_queued']);
    expect(queue.nextSteer()).toBeUndefined();
    expect(orderOf(queue)).toEqual(['a', 's']);
  });

  it('is an ordinary one again when it is back from its way into a turn', () => {
    const steered = { ...waiting('s'), steer: true, steerId: mintTurnId() };
    expect(unsteered(steered)).toEqual(waiting('s'));
  });
});

describe('a change', () => {
  const missing = { promptId: PromptId.parse('gone'), by };

  it('of a prompt that does not wait does nothing [B-05]', () => {
    const queue = new PromptQueue([], false);
    queue.add(waiting('a'));
    const a = { promptId: PromptId.parse('a'), by };
    expect(changeQueue(queue, { type: 'promptEdit', content: textContent('x'), ...missing })).toBeNull();
    expect(changeQueue(queue, { type: 'promptCancel', ...missing })).toBeNull();
    expect(changeQueue(queue, { type: 'promptMove', before: null, ...missing })).toBeNull();
    expect(changeQueue(queue, { type: 'promptMove', before: missing.promptId, ...a })).toBeNull();
    expect(changeQueue(queue, { type: 'promptMove', before: a.promptId, ...a })).toBeNull();
    expect(orderOf(queue)).toEqual(['a']);
  });

  it('lets a paused queue go on, and does nothing to one that is not [C-05]', () => {
    const queue = new PromptQueue([], true);
    queue.add(waiting('a'));
    const resumed = changeQueue(queue, { type: 'resumeQueue', by });
    expect(resumed?.events).toEqual([{ type: 'queue_resumed', by }]);
    expect(queue.next()?.promptId).toBe('a');
    expect(changeQueue(queue, { type: 'resumeQueue', by })).toBeNull();
  });
});
