// One session in the hands of a chaos writer: the real EventWriter, fed with turns at a given rate.
import type { EventBody } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type { EventLog } from '@holdfast/shared/store';
import type { Claimed } from '../../apps/worker/src/claim/claimer.ts';
import { EventWriter } from '../../apps/worker/src/session/event-writer.ts';
import type { Random } from './random.ts';
import { syntheticTurn } from './synthetic-turn.ts';

export interface OwnedSessionDeps {
  readonly claimed: Claimed;
  readonly log: EventLog;
  readonly logger: Logger;
  readonly workerId: Claimed['view']['owner']['workerId'];
  readonly random: Random;
  readonly onLost: (reason: 'fenced' | 'not_found' | 'unrepairable') => void;
}

/** Longer than any outage of a run. */
const MAX_OWED_SECONDS = 15;

export class OwnedSession {
  readonly owner: Claimed['owner'];
  readonly #random: Random;
  readonly #writer: EventWriter;
  #turn: Generator<EventBody[], void> | null = null;
  #isPaused = false;
  #isFinishing = false;
  /** Events that are due. What an outage held up is made good for afterwards. */
  #owed = 0;

  constructor(deps: OwnedSessionDeps) {
    const { claimed, log, logger, workerId, random, onLost } = deps;
    const { owner, view } = claimed;
    this.owner = owner;
    this.#random = random;
    this.#writer = new EventWriter({
      ...{ log, logger, owner, view, now: Date.now, onLost },
      onPressure: (isPaused) => (this.#isPaused = isPaused),
    });
    const interrupted: EventBody[] =
      view.turn === null
        ? []
        : [{ type: 'turn_interrupted', turnId: view.turn.turnId, delivered: true, reason: 'lost' }];
    this.#writer.push([{ type: 'owner_changed', workerId, fence: owner.fence }, ...interrupted]);
  }

  /** Appends as many events as are due after `ms` at this rate; fewer while Redis is behind. */
  work(ms: number, eventsPerSecond: number): void {
    this.#owed = Math.min(this.#owed + (ms * eventsPerSecond) / 1_000, MAX_OWED_SECONDS * eventsPerSecond);
    while (this.#owed >= 1 && !this.#isPaused) {
      const bodies = this.#next();
      if (bodies === null) return;
      this.#writer.push(bodies);
      this.#owed -= bodies.length;
    }
  }

  /** Ends the turn under way and begins none. Resolves to true when everything is in the log. */
  async finish(): Promise<boolean> {
    this.#isFinishing = true;
    for (let bodies = this.#next(); bodies !== null; bodies = this.#next()) this.#writer.push(bodies);
    return this.#writer.flushed();
  }

  #next(): EventBody[] | null {
    const step = this.#turn?.next();
    if (step?.done === false) return step.value;
    this.#turn = this.#isFinishing ? null : syntheticTurn(this.#random);
    const first = this.#turn?.next();
    return first?.done === false ? first.value : null;
  }
}
