// What it means for prompts that the CLI which had them is gone: looked up in its transcript, told as events with the
// changes of the queue. A prompt that never reached the CLI runs again; a delivered one never does so unasked.
import type { EventBody, SessionView, TurnId } from '@holdfast/shared/protocol';
import { unsteered, type PromptQueue, type WaitingPrompt } from './prompt-queue.ts';
import type { Step } from './queue-commands.ts';
import type { SessionFiles } from './session-files.ts';
import { lostSteer, type SteerTrace } from './steering.ts';

/** A prompt is delivered at most this often; after that it waits until a person lets it run. */
const MAX_ATTEMPTS = 3;

export interface LostTurnsDeps {
  readonly queue: PromptQueue;
  readonly files: SessionFiles;
  /** The CLI's id of the conversation; null before the first child. */
  readonly cliSessionId: () => string | null;
}

export interface LostTurn {
  readonly turnId: TurnId;
  readonly prompt: WaitingPrompt | null;
}

export class LostTurns {
  readonly #deps: LostTurnsDeps;

  constructor(deps: LostTurnsDeps) {
    this.#deps = deps;
  }

  /**
   * How a turn ends whose child is gone. `reason` is a sentence for people; `isDelivered`: the log shows that the CLI
   * had the prompt, also where its transcript could not be written.
   */
  async settle(
    turn: LostTurn,
    { reason, isDelivered }: { readonly reason: string; readonly isDelivered: boolean },
  ): Promise<Step> {
    const { turnId, prompt } = turn;
    const delivered = prompt === null || isDelivered || (await this.#isMentioned(turnId));
    const interrupted: EventBody = { type: 'turn_interrupted', turnId, delivered, reason };
    if (delivered) return { events: [interrupted], effects: dropped(this.#deps.queue, turn) };
    return this.#putBack(prompt, interrupted);
  }

  /**
   * What the last owner's end means for what it had given to its CLI: the turn in flight, and a prompt on its way
   * into it. `taken`: the prompts that it had begun and not ended.
   */
  async settleInherited(
    view: Pick<SessionView, 'turn' | 'messages'>,
    taken: readonly WaitingPrompt[],
    reason: string,
  ): Promise<Step> {
    const steps: Step[] = [];
    const late: Step[] = [];
    for (const prompt of taken) {
      const { steerId } = prompt;
      if (steerId === undefined || prompt.promptId === view.turn?.promptId) continue;
      const turnId = view.turn?.turnId ?? steerId;
      const steer = { prompt, steerId, turnId, fate: null };
      const { before, after } = lostSteer(steer, await this.traceOf(steerId), this.#deps.queue);
      steps.push(before);
      late.push(after);
    }
    if (view.turn !== null) {
      const { turnId, promptId } = view.turn;
      const prompt = taken.find((waiting) => waiting.promptId === promptId) ?? null;
      const isDelivered = view.messages.some(
        (message) => (message.kind === 'text' || message.kind === 'tool') && message.turnId === turnId,
      );
      steps.push(await this.settle({ turnId, prompt }, { reason, isDelivered }));
    }
    return joined([...steps, ...late]);
  }

  /** Where the CLI noted a steered prompt: beside a tool's result, or as the beginning of a turn. */
  async traceOf(steerId: TurnId): Promise<SteerTrace> {
    if (await this.#isMentioned(`"source_uuid":"${steerId}"`)) return 'injected';
    return (await this.#isMentioned(steerId)) ? 'own_turn' : 'absent';
  }

  #putBack(prompt: WaitingPrompt, interrupted: EventBody): Step {
    const { queue } = this.#deps;
    const { promptId, content, by } = prompt;
    const paused = prompt.attempt >= MAX_ATTEMPTS;
    if (paused) queue.isPaused = true;
    const reason = paused
      ? `It did not reach Claude Code in ${MAX_ATTEMPTS} attempts.`
      : 'It did not reach Claude Code and runs again.';
    const attempt = paused ? 1 : prompt.attempt + 1;
    const change = queue.putBack({ ...unsteered(prompt), attempt });
    return {
      events: [interrupted, { type: 'prompt_returned', promptId, content, by, reason, paused }],
      effects: { queue: [change] },
    };
  }

  async #isMentioned(text: string): Promise<boolean> {
    const id = this.#deps.cliSessionId();
    return id !== null && (await this.#deps.files.transcriptMentions(id, text));
  }
}

/** The stored prompt of a turn goes with the turn's end. */
export function dropped(queue: PromptQueue, { prompt }: Pick<LostTurn, 'prompt'>): Step['effects'] {
  return prompt === null ? {} : { queue: [queue.remove(prompt.promptId)] };
}

/** Several steps as one, in order. */
export function joined(steps: readonly (Step | undefined)[]): Step {
  const all = steps.filter((step) => step !== undefined);
  const queue = all.flatMap((step) => step.effects.queue ?? []);
  return { events: all.flatMap((step) => step.events), effects: queue.length === 0 ? {} : { queue } };
}
