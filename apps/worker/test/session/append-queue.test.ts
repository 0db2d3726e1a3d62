import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHistoryEvent, type EventBody, type SessionEvent } from '@holdfast/shared/protocol';
import type { AppendEffects } from '@holdfast/shared/store';
import {
  AppendQueue,
  MAX_BATCH_FRAMES,
  mergeEffects,
  SINGLE_FRAME_BYTES,
  type AppendGroup,
  type Batch,
} from '../../src/session/append-queue.ts';

const delta = (text: string, block = 0, messageId = 'm1'): EventBody => ({
  type: 'message_delta',
  turnId: null,
  messageId,
  block,
  kind: 'text',
  text,
});
const notice = (text: string): EventBody => ({ type: 'notice', kind: 'info', text });
const group = (bodies: EventBody[], effects?: AppendEffects): AppendGroup => ({
  bodies,
  at: 7,
  ...(effects === undefined ? {} : { effects }),
});

function takeAll(queue: AppendQueue, first = 1): Batch[] {
  const batches: Batch[] = [];
  let next = first;
  for (let batch = queue.take(next); batch !== undefined; batch = queue.take(next)) {
    batches.push(batch);
    next += batch.frames.length;
  }
  return batches;
}

function queueOf(...groups: AppendGroup[]): AppendQueue {
  const queue = new AppendQueue();
  for (const one of groups) queue.push(one);
  return queue;
}

describe('the append queue', () => {
  it('gives nothing when nothing waits', () => {
    expect(new AppendQueue().isEmpty).toBe(true);
    expect(new AppendQueue().take(1)).toBeUndefined();
  });

  it('numbers events densely from the given offset, serialised once', () => {
    const [batch] = takeAll(queueOf(group([notice('a'), notice('b')]), group([delta('c')])), 10);
    expect(batch?.first).toBe(10);
    expect(batch?.events.map((event) => event.offset)).toEqual([10, 11, 12]);
    expect(batch?.frames).toEqual(batch?.events.map((event) => JSON.stringify(event)));
    expect(batch?.events[0]).toEqual({ offset: 10, at: 7, type: 'notice', kind: 'info', text: 'a' });
  });

  it('adjacent deltas of one block become one event that counts each push', () => {
    const [batch] = takeAll(queueOf(group([delta('a')]), group([delta('b')]), group([delta('c')])));
    expect(batch?.events).toEqual([{ offset: 1, at: 7, ...delta('abc') }]);
    expect(batch?.pushes).toBe(3);
  });

  it.each([
    ['of another block', group([delta('b', 1)])],
    ['of another message', group([delta('b', 0, 'm2')])],
    ['after another event', group([notice('n'), delta('b')])],
    ['with effects', group([delta('b')], { ackSeq: 1 })],
  ])('a delta %s is not merged', (_what, second) => {
    const [batch] = takeAll(queueOf(group([delta('a')]), second));
    expect(batch?.events[0]).toMatchObject({ text: 'a' });
  });

  it('a delta does not join one whose effects would come too early', () => {
    const [batch] = takeAll(queueOf(group([delta('a')], { ackSeq: 1 }), group([delta('b')])));
    expect(batch?.events).toHaveLength(2);
  });

  it('merging stops at a size a reader can take in one piece', () => {
    const [first, second] = takeAll(
      queueOf(group([delta('x'.repeat(4_000))]), group([delta('y'.repeat(97))])),
    );
    expect(first?.events).toHaveLength(1);
    expect(second?.events).toMatchObject([{ text: 'y'.repeat(97) }]);
  });

  it('a big frame goes alone, those before and after it do not wait for it', () => {
    const big = notice('x'.repeat(SINGLE_FRAME_BYTES));
    const batches = takeAll(
      queueOf(group([notice('a')]), group([big]), group([notice('b')]), group([notice('c')])),
    );
    expect(batches.map((batch) => batch.frames.length)).toEqual([1, 1, 2]);
  });

  it('a batch is bounded, a group is never cut', () => {
    const many = Array.from({ length: MAX_BATCH_FRAMES }, (_, index) => group([notice(String(index))]));
    expect(takeAll(queueOf(...many, group([notice('last')]))).map((batch) => batch.frames.length)).toEqual([
      MAX_BATCH_FRAMES,
      1,
    ]);
    const pair = group([notice('one'), notice('two')]);
    const [first] = takeAll(queueOf(...many.slice(1), pair));
    expect(first?.frames).toHaveLength(MAX_BATCH_FRAMES + 1);
  });

  it('completed things are marked for the history by their place in the batch', () => {
    const [batch] = takeAll(
      queueOf(group([delta('a')]), group([notice('b')]), group([delta('c')]), group([notice('d')])),
      5,
    );
    expect(batch?.effects).toEqual({ history: [1, 3] });
    const [onlyDeltas] = takeAll(queueOf(group([delta('a')])));
    expect(onlyDeltas?.effects).toBeUndefined();
  });

  it('what waits is counted, and counted off again, merged deltas too', () => {
    const queue = new AppendQueue();
    for (let index = 0; index < 1_000; index += 1) queue.push(group([delta('word ')]));
    expect(queue.waitingChars).toBeGreaterThan(5_000);
    takeAll(queue);
    expect(queue.waitingChars).toBe(0);
  });

  it('long outputs count by their length, so that they are held back like deltas', () => {
    const output = 'x'.repeat(100_000);
    const queue = queueOf(
      group([
        {
          type: 'tool_call_completed',
          turnId: null,
          toolCallId: 't',
          isError: false,
          output,
          truncated: true,
        },
      ]),
      group([notice(output)]),
    );
    expect(queue.waitingChars).toBeGreaterThan(200_000);
  });
});

describe('effects of several groups in one append', () => {
  it('lists go on, fields are joined, the later value wins', () => {
    const put = { op: 'put' as const, promptId: 'p', json: '{}', score: 1 };
    const open = { op: 'open' as const, approvalId: 'a', json: '{}' };
    const merged = mergeEffects(
      { ackSeq: 1, queue: [put], approvals: [open], meta: { status: 'running', turn: 't' } },
      {
        ackSeq: 2,
        queue: [{ op: 'del', promptId: 'p' }],
        approvals: [{ op: 'close', approvalId: 'a' }],
        meta: { turn: '' },
      },
    );
    expect(merged).toEqual({
      ackSeq: 2,
      queue: [put, { op: 'del', promptId: 'p' }],
      approvals: [open, { op: 'close', approvalId: 'a' }],
      meta: { status: 'running', turn: '' },
    });
  });

  it('nothing and nothing is nothing', () => expect(mergeEffects({}, {})).toEqual({}));
});

/** One list of events whatever was merged: adjacent deltas of a block joined, places and times left out. */
function joined(bodies: readonly (EventBody | SessionEvent)[]): EventBody[] {
  const result: EventBody[] = [];
  for (const body of bodies) {
    const { offset: _offset, at: _at, ...rest } = { offset: 0, at: 0, ...body };
    const last = result.at(-1);
    if (
      last?.type === 'message_delta' &&
      rest.type === 'message_delta' &&
      last.messageId === rest.messageId &&
      last.block === rest.block
    ) {
      result[result.length - 1] = { ...last, text: last.text + rest.text };
    } else result.push(rest);
  }
  return result;
}

const anyBody = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.string({ maxLength: 8 }), fc.nat(1)).map(([text, block]) => delta(text, block)),
  },
  { weight: 1, arbitrary: fc.constant(delta('x'.repeat(2_000))) },
  { weight: 2, arbitrary: fc.string({ maxLength: 20 }).map(notice) },
  { weight: 1, arbitrary: fc.constant(notice('x'.repeat(1_500))) },
);
const anyGroup = fc.record({
  bodies: fc.array(anyBody, { minLength: 1, maxLength: 3 }),
  ack: fc.boolean(),
});

describe('any pushes and takes', () => {
  it('give every event once, in order, at dense offsets, with every effect [D-01]', () => {
    const steps = fc.array(fc.oneof({ weight: 4, arbitrary: anyGroup }, fc.constant('take' as const)), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new AppendQueue();
        const pushed: EventBody[] = [];
        const batches: Batch[] = [];
        const promptIds: string[] = [];
        let next = 1;
        let pushes = 0;
        const take = (): void => {
          const batch = queue.take(next);
          if (batch === undefined) return;
          batches.push(batch);
          next += batch.frames.length;
        };
        for (const step of all) {
          if (step === 'take') take();
          else {
            pushes += 1;
            pushed.push(...step.bodies);
            const promptId = `p${pushes}`;
            if (step.ack) promptIds.push(promptId);
            const effects: AppendEffects = { ackSeq: pushes, queue: [{ op: 'del', promptId }] };
            queue.push({ bodies: step.bodies, at: pushes, ...(step.ack ? { effects } : {}) });
          }
        }
        while (!queue.isEmpty) take();

        const events = batches.flatMap((batch) => batch.events);
        expect(joined(events)).toEqual(joined(pushed));
        expect(events.map((event) => event.offset)).toEqual(events.map((_, index) => index + 1));
        expect(batches.reduce((sum, batch) => sum + batch.pushes, 0)).toBe(pushes);
        expect(queue.waitingChars).toBe(0);
        for (const batch of batches) checkBatch(batch);
        expect(
          batches.flatMap((batch) => batch.effects?.queue ?? []).map((change) => change.promptId),
        ).toEqual(promptIds);
      }),
    );
  });
});

function checkBatch(batch: Batch): void {
  expect(batch.frames).toEqual(batch.events.map((event) => JSON.stringify(event)));
  const kept = batch.events
    .filter((event) => isHistoryEvent(event.type))
    .map((event) => event.offset - batch.first);
  expect(batch.effects?.history ?? []).toEqual(kept);
  // A big frame shares its call with nothing but its own group (all of one time).
  const isBig = batch.frames.some((frame) => frame.length > SINGLE_FRAME_BYTES);
  const groups = new Set(batch.events.map((event) => event.at)).size;
  expect(isBig ? groups : 1).toBe(1);
}
