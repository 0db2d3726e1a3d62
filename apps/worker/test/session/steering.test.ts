// A steered prompt ends in exactly one way, whatever comes first: the CLI's word, the end of the turn, an abort, a death.
import { beforeEach, describe, expect, it } from 'vitest';
import {
  mintTurnId,
  PromptId,
  textContent,
  UserId,
  type EventBody,
  type TurnId,
} from '@holdfast/shared/protocol';
import type { QueueChange } from '@holdfast/shared/store';
import { createDeferred, type Deferred } from '@holdfast/shared/util';
import { PromptQueue, type WaitingPrompt } from '../../src/session/prompt-queue.ts';
import { lostSteer, Steering, type SteerTrace } from '../../src/session/steering.ts';

const by = UserId.parse('local');
const turnId = mintTurnId();
const prompt: WaitingPrompt = {
  promptId: PromptId.parse('s'),
  content: textContent('please'),
  by,
  attempt: 1,
  steer: true,
};

/** Everything that could go on has gone on. */
const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The steering of one turn, with what it appended and wrote. */
class Bench {
  readonly queue = new PromptQueue([], false);
  readonly events: EventBody[] = [];
  readonly changes: QueueChange[] = [];
  readonly written: TurnId[] = [];
  stored = createDeferred<boolean>();
  withdrawn: Deferred<boolean | null> = createDeferred();
  trace: SteerTrace = 'absent';
  isOpen = true;
  overs = 0;
  readonly steering = new Steering({
    queue: this.queue,
    push: ({ events, effects }) => {
      this.events.push(...events);
      this.changes.push(...(effects.queue ?? []));
    },
    flushed: async () => this.stored.promise,
    write: (steerId) => void this.written.push(steerId),
    withdraw: async () => this.withdrawn.promise,
    trace: async () => this.trace,
    onOver: () => (this.overs += 1),
  });

  offer(): void {
    this.queue.add(prompt);
    this.steering.offer(turnId, () => this.isOpen);
  }

  /** The record is stored, so the CLI has the prompt; gives its uuid. */
  async given(): Promise<TurnId> {
    this.offer();
    this.stored.resolve(true);
    await settled();
    const [steerId] = this.written;
    if (steerId === undefined) throw new Error('nothing was written');
    return steerId;
  }

  get types(): string[] {
    return this.events.map((event) => event.type);
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe('a steered prompt', () => {
  it('is recorded, with its uuid, before the CLI gets it [B-06]', async () => {
    bench.offer();
    expect(bench.types).toEqual(['prompt_steered']);
    expect(bench.written).toEqual([]);
    expect(bench.changes.map(({ op }) => op)).toEqual(['put', 'take']);
    bench.stored.resolve(true);
    await settled();
    expect(bench.events).toMatchObject([{ steerId: bench.written[0], turnId }]);
  });

  it('is injected when the CLI acknowledges it within the turn, and only by its own uuid [B-06]', async () => {
    const steerId = await bench.given();
    bench.steering.acknowledged(mintTurnId());
    expect(bench.steering.isBusy).toBe(true);
    bench.steering.acknowledged(steerId);
    expect(bench.types).toEqual(['prompt_steered', 'prompt_injected']);
    expect(bench.changes.at(-1)).toEqual({ op: 'del', promptId: 's' });
    expect([bench.steering.isBusy, bench.overs]).toEqual([false, 1]);
  });

  it('is the prompt of the turn that the CLI begins by itself after this one [B-06]', async () => {
    const steerId = await bench.given();
    expect(bench.steering.takeTurn()).toMatchObject({
      turnId: steerId,
      prompt: { promptId: 's', attempt: 1 },
    });
    expect(bench.steering.takeTurn()).toBeNull();
    expect(bench.types).toEqual(['prompt_steered']);
  });

  it('goes back to the queue when its turn ended before it was stored [B-06]', async () => {
    bench.offer();
    expect(bench.steering.takeTurn()).toBeNull();
    bench.isOpen = false;
    bench.stored.resolve(true);
    await settled();
    expect(bench.written).toEqual([]);
    expect(bench.types).toEqual(['prompt_steered', 'prompt_returned']);
    expect(bench.queue.next()).toMatchObject({ promptId: 's' });
    expect(bench.queue.nextSteer()).toBeUndefined();
  });

  it('that is withdrawn goes to the front, behind the prompt that interrupted [B-06]', async () => {
    await bench.given();
    const urgent = PromptId.parse('urgent');
    bench.queue.add({ promptId: urgent, content: textContent('now'), by, attempt: 1 });
    const done = bench.steering.withdraw({ kind: 'return', behind: urgent });
    bench.withdrawn.resolve(true);
    await done;
    expect(bench.types).toEqual(['prompt_steered', 'prompt_returned', 'prompt_moved']);
    expect(bench.queue.first).toBe('urgent');
  });

  it('that is withdrawn by an abort that clears is cancelled [B-06] [C-05]', async () => {
    await bench.given();
    const done = bench.steering.withdraw({ kind: 'cancel', by });
    bench.withdrawn.resolve(true);
    await done;
    expect(bench.types).toEqual(['prompt_steered', 'prompt_cancelled']);
    expect(bench.queue.size).toBe(0);
  });

  it('that the CLI has used before it was withdrawn is told by what follows, once [B-06]', async () => {
    const steerId = await bench.given();
    const done = bench.steering.withdraw({ kind: 'return', behind: null });
    bench.steering.acknowledged(steerId);
    bench.withdrawn.resolve(true);
    await done;
    expect(bench.types).toEqual(['prompt_steered', 'prompt_injected']);
  });

  it.each<{ trace: SteerTrace; before: string[]; after: string[]; left: string[] }>([
    { trace: 'injected', before: ['prompt_injected'], after: [], left: [] },
    { trace: 'own_turn', before: [], after: ['turn_started', 'turn_interrupted'], left: [] },
    { trace: 'absent', before: ['prompt_returned'], after: [], left: ['s'] },
  ])('whose CLI is gone ends as the transcript tells: $trace [B-06] [B-08]', async (given) => {
    const steerId = await bench.given();
    bench.trace = given.trace;
    const gone = await bench.steering.childGone();
    expect(gone?.before.events.map(({ type }) => type)).toEqual(given.before);
    expect(gone?.after.events.map(({ type }) => type)).toEqual(given.after);
    const turns = gone?.after.events.map((event) => Reflect.get(event, 'turnId'));
    expect(turns).toEqual(given.after.map(() => steerId));
    expect([bench.queue.first].filter((id) => id !== null)).toEqual(given.left);
    expect(await bench.steering.childGone()).toBeNull();
  });

  it('that was being withdrawn when its CLI died keeps the fate that was chosen [C-05]', async () => {
    await bench.given();
    void bench.steering.withdraw({ kind: 'cancel', by });
    const gone = await bench.steering.childGone();
    expect(gone?.before.events).toEqual([{ type: 'prompt_cancelled', promptId: 's', by }]);
  });

  it('is never given to a CLI whose session was lost', async () => {
    bench.offer();
    bench.stored.resolve(false);
    await settled();
    expect(bench.written).toEqual([]);
    expect(bench.types).toEqual(['prompt_steered']);
  });
});

it('a steered prompt of a lost owner is found by what that stored [B-07]', () => {
  const queue = new PromptQueue([], false);
  const steerId = mintTurnId();
  const lost = lostSteer({ prompt: { ...prompt, steerId }, steerId, turnId, fate: null }, 'absent', queue);
  expect(lost.before.events).toMatchObject([{ type: 'prompt_returned', promptId: 's', paused: false }]);
  expect(queue.next()).toEqual({ promptId: 's', content: prompt.content, by, attempt: 1 });
});
