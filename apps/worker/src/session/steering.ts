// Prompts on their way into the running turn. The CLI gets one at a time, under a uuid of its own, and it ends as
// exactly one of: injected (the CLI took it in after a tool), a turn of its own (no tool came), returned to the queue.
//
//   none --offer--> recorded --in the log, written--> written --acknowledged--> none (injected)
//                      |                                 |----turn began------> none (a turn of its own)
//                      '------turn is over---> none      '----withdrawn-------> none (returned or cancelled)
import {
  mintTurnId,
  type EventBody,
  type PromptId,
  type TurnId,
  type UserId,
} from '@holdfast/shared/protocol';
import { setTimeout as pause } from 'node:timers/promises';
import { unsteered, type PromptQueue, type WaitingPrompt } from './prompt-queue.ts';
import type { Step } from './queue-commands.ts';

/** What is to become of a steered prompt that the CLI gives back. */
export type SteerFate =
  /** To the front of the queue; `behind`: a prompt that stays in front of it. */
  | { readonly kind: 'return'; readonly behind: PromptId | null }
  | { readonly kind: 'cancel'; readonly by: UserId };

/** What a transcript tells about a steered prompt. */
export type SteerTrace = 'injected' | 'own_turn' | 'absent';

export interface SteeringDeps {
  readonly queue: PromptQueue;
  readonly push: (step: Step) => void;
  /** False when the session was lost: then nothing is written to the CLI. */
  readonly flushed: () => Promise<boolean>;
  /** Writes a prompt that the CLI takes into its turn at the next chance. */
  readonly write: (steerId: TurnId, prompt: WaitingPrompt) => void;
  /** Takes a prompt back from the CLI; false when the CLI has used it, null when it does not say. */
  readonly withdraw: (steerId: TurnId) => Promise<boolean | null>;
  readonly trace: (steerId: TurnId) => Promise<SteerTrace>;
  /** Nothing is on its way any more. */
  readonly onOver: () => void;
}

interface Steer {
  readonly prompt: WaitingPrompt;
  readonly steerId: TurnId;
  /** The turn it is meant for. */
  readonly turnId: TurnId;
  isWritten: boolean;
  fate: SteerFate | null;
}

/** A CLI that used a prompt begins its turn, or acknowledges it, well within this time. */
const TELL_LIMIT_MS = 3_000;

const TO_FRONT: SteerFate = { kind: 'return', behind: null };

export class Steering {
  readonly #deps: SteeringDeps;
  #steer: Steer | null = null;

  constructor(deps: SteeringDeps) {
    this.#deps = deps;
  }

  /** A prompt is with the CLI and nobody knows yet what becomes of it: nothing else may be written. */
  get isBusy(): boolean {
    return this.#steer !== null;
  }

  get promptId(): PromptId | null {
    return this.#steer?.prompt.promptId ?? null;
  }

  /** Gives the CLI the next prompt that is meant for the running turn. `isOpen`: the turn still takes prompts in. */
  offer(turnId: TurnId, isOpen: () => boolean): void {
    const { queue, push } = this.#deps;
    const prompt = queue.nextSteer();
    if (this.#steer !== null || prompt === undefined || !isOpen()) return;
    const steer: Steer = { prompt, steerId: mintTurnId(), turnId, isWritten: false, fate: null };
    const { steerId } = steer;
    this.#steer = steer;
    push({
      events: [{ type: 'prompt_steered', promptId: prompt.promptId, steerId, turnId }],
      effects: { queue: queue.steer(prompt, steerId) },
    });
    void this.#writeWhenStored(steer, isOpen);
  }

  /** The CLI told that it has read the prompt with this uuid. */
  acknowledged(uuid: string): void {
    const steer = this.#steer;
    if (steer?.steerId === uuid) this.#end(injected(steer));
  }

  /** The CLI began a turn: the prompt that this turn belongs to, which is a steered prompt no more. */
  takeTurn(): { readonly turnId: TurnId; readonly prompt: WaitingPrompt } | null {
    const steer = this.#steer;
    if (steer?.isWritten !== true) return null;
    this.#steer = null;
    return { turnId: steer.steerId, prompt: unsteered(steer.prompt) };
  }

  /** Takes the prompt back from the CLI, before the turn is aborted. */
  async withdraw(fate: SteerFate): Promise<void> {
    const steer = this.#steer;
    if (steer === null) return;
    steer.fate = fate;
    if (!steer.isWritten) return; // decided when its record is stored
    const isWithdrawn = await this.#deps.withdraw(steer.steerId);
    if (this.#steer === steer && isWithdrawn === true) this.#end(given(steer, this.#deps.queue));
  }

  /** The CLI has come to rest after the turn, without a word about the prompt: takes it back or looks it up. */
  async settle(): Promise<void> {
    const steer = this.#steer;
    if (steer?.isWritten !== true) return;
    if ((await this.#deps.withdraw(steer.steerId)) === true) {
      if (this.#steer === steer) this.#end(given(steer, this.#deps.queue));
      return;
    }
    // It has used the prompt: what it did with it may still be on the pipe.
    await pause(TELL_LIMIT_MS, undefined, { ref: false });
    const trace = this.#steer === steer ? await this.#deps.trace(steer.steerId) : 'absent';
    if (this.#steer !== steer) return;
    this.#end(trace === 'absent' ? given(steer, this.#deps.queue) : injected(steer));
  }

  /** The child is gone, and the prompt with it; null when none was on its way. */
  async childGone(): Promise<{ readonly before: Step; readonly after: Step } | null> {
    const steer = this.#steer;
    this.#steer = null;
    if (steer === null) return null;
    const trace = steer.isWritten ? await this.#deps.trace(steer.steerId) : 'absent';
    return lostSteer(steer, trace, this.#deps.queue);
  }

  async #writeWhenStored(steer: Steer, isOpen: () => boolean): Promise<void> {
    const isStored = await this.#deps.flushed();
    if (!isStored || this.#steer !== steer) return;
    if (steer.fate !== null || !isOpen()) return this.#end(given(steer, this.#deps.queue));
    steer.isWritten = true;
    this.#deps.write(steer.steerId, steer.prompt);
  }

  #end(step: Step): void {
    this.#steer = null;
    this.#deps.push(step);
    this.#deps.onOver();
  }
}

export interface LostSteer {
  readonly prompt: WaitingPrompt;
  readonly steerId: TurnId;
  readonly turnId: TurnId;
  readonly fate: SteerFate | null;
}

/** What to write for a steered prompt whose CLI is gone, before and after the end of the turn it was meant for. */
export function lostSteer(
  steer: LostSteer,
  trace: SteerTrace,
  queue: PromptQueue,
): { readonly before: Step; readonly after: Step } {
  const nothing: Step = { events: [], effects: {} };
  if (trace === 'injected') return { before: injected(steer), after: nothing };
  if (trace === 'absent') return { before: given(steer, queue), after: nothing };
  const { promptId, content, attempt } = steer.prompt;
  const reason = 'Claude Code ended while it was at this prompt.';
  return {
    before: nothing,
    after: {
      events: [
        { type: 'turn_started', turnId: steer.steerId, promptId, content, attempt },
        { type: 'turn_interrupted', turnId: steer.steerId, delivered: true, reason },
      ],
      effects: { queue: [queue.remove(promptId)] },
    },
  };
}

function injected(steer: { readonly prompt: WaitingPrompt; readonly turnId: TurnId }): Step {
  const { promptId, content } = steer.prompt;
  return {
    events: [{ type: 'prompt_injected', promptId, turnId: steer.turnId, content }],
    effects: { queue: [{ op: 'del', promptId }] },
  };
}

/** The prompt did not get into the turn: back to the queue, where it is an ordinary one, or gone as was asked. */
function given(
  steer: { readonly prompt: WaitingPrompt; readonly fate: SteerFate | null },
  queue: PromptQueue,
): Step {
  const { promptId, content, by } = steer.prompt;
  const fate = steer.fate ?? TO_FRONT;
  if (fate.kind === 'cancel') {
    return {
      events: [{ type: 'prompt_cancelled', promptId, by: fate.by }],
      effects: { queue: [queue.remove(promptId)] },
    };
  }
  const { behind } = fate;
  const changes = [queue.putBack(unsteered(steer.prompt))];
  const reason = 'The turn ended before it could take this prompt in.';
  const returned: EventBody = {
    type: 'prompt_returned',
    promptId,
    content,
    by,
    reason,
    paused: queue.isPaused,
  };
  const moved = behind === null ? undefined : queue.move(behind, promptId);
  if (behind === null || moved === undefined) return { events: [returned], effects: { queue: changes } };
  const move: EventBody = { type: 'prompt_moved', promptId: behind, before: promptId, by };
  return { events: [returned, move], effects: { queue: [...changes, ...moved] } };
}
