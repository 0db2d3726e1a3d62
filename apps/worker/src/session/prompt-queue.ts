// The waiting prompts of one session, in memory at the owner. Every change also says what to change in Redis, in
// the same append as its event.
import { filesOf, PromptContent, PromptId, TurnId, UserId } from '@holdfast/shared/protocol';
import type { QueueChange } from '@holdfast/shared/store';
import { z } from 'zod';

/** A prompt that waits. `attempt`: which try at delivering it comes next, from 1. */
export const WaitingPrompt = z.object({
  promptId: PromptId,
  content: PromptContent,
  by: UserId,
  attempt: z.int().min(1).default(1),
  /** It is to go into the running turn. Should that end first, the prompt runs like any other. */
  steer: z.boolean().optional(),
  /** The uuid under which the CLI gets it for the running turn. */
  steerId: TurnId.optional(),
});
export type WaitingPrompt = z.infer<typeof WaitingPrompt>;

/** The same prompt as an ordinary one. */
export function unsteered(prompt: WaitingPrompt): WaitingPrompt {
  const { steer: _steer, steerId: _steerId, ...ordinary } = prompt;
  return ordinary;
}

interface Entry {
  readonly prompt: WaitingPrompt;
  readonly score: number;
}

export class PromptQueue {
  #entries: Entry[];
  /** Prompts wait until a person sends another one or lets the queue go on. */
  isPaused: boolean;

  /** `stored`: what the last owner left in Redis, in order. */
  constructor(stored: readonly { readonly score: number; readonly json: string }[], isPaused: boolean) {
    this.isPaused = isPaused;
    this.#entries = stored.map(({ score, json }) => ({
      score,
      prompt: WaitingPrompt.parse(JSON.parse(json)),
    }));
  }

  get size(): number {
    return this.#entries.length;
  }

  has(promptId: string): boolean {
    return this.#entries.some((entry) => entry.prompt.promptId === promptId);
  }

  /** The prompt that may run next; undefined when none waits or the queue is paused. */
  next(): WaitingPrompt | undefined {
    return this.isPaused ? undefined : this.#entries[0]?.prompt;
  }

  /** The prompt in front, if it is to go into the running turn. */
  nextSteer(): WaitingPrompt | undefined {
    const next = this.next();
    return next?.steer === true ? next : undefined;
  }

  /** The first prompt behind those that are to go into the running turn: where a further one of them belongs. */
  get behindSteers(): PromptId | null {
    return this.#entries.find((entry) => entry.prompt.steer !== true)?.prompt.promptId ?? null;
  }

  get first(): PromptId | null {
    return this.#entries[0]?.prompt.promptId ?? null;
  }

  /** Gives a waiting prompt another content; undefined when it does not wait. */
  /** Another text for the prompt: its files stay. */
  edited(promptId: string, text: PromptContent): PromptContent {
    const prompt = this.#entries[this.#indexOf(promptId)]?.prompt;
    return prompt === undefined ? text : [...text, ...filesOf(prompt.content)];
  }

  edit(promptId: string, content: PromptContent): QueueChange | undefined {
    const index = this.#indexOf(promptId);
    const entry = this.#entries[index];
    if (entry === undefined) return undefined;
    const next: Entry = { ...entry, prompt: { ...entry.prompt, content } };
    this.#entries = this.#entries.with(index, next);
    return putOf(next);
  }

  /** Moves a waiting prompt in front of another, or to the end; undefined when one of them does not wait. */
  move(promptId: string, before: string | null): QueueChange[] | undefined {
    const entry = this.#entries[this.#indexOf(promptId)];
    if (entry === undefined || promptId === before) return undefined;
    const rest = this.#entries.filter((other) => other !== entry);
    const found = rest.findIndex((other) => other.prompt.promptId === before);
    if (before !== null && found === -1) return undefined;
    const index = before === null ? rest.length : found;
    const score = scoreBetween(rest[index - 1]?.score, rest[index]?.score);
    if (score !== undefined) {
      this.#entries = rest.toSpliced(index, 0, { ...entry, score });
      return [{ op: 'score', promptId, score }];
    }
    this.#entries = rest.toSpliced(index, 0, entry).map((other, place) => ({ ...other, score: place + 1 }));
    return this.#entries.map((other) => ({
      op: 'score',
      promptId: other.prompt.promptId,
      score: other.score,
    }));
  }

  /** Adds a prompt at the end. */
  add(prompt: WaitingPrompt): QueueChange {
    return this.#insert(prompt, (this.#entries.at(-1)?.score ?? 0) + 1, this.#entries.length);
  }

  /** Puts a prompt back in front of all others. */
  putBack(prompt: WaitingPrompt): QueueChange {
    return this.#insert(prompt, (this.#entries[0]?.score ?? 0) - 1, 0);
  }

  /** The prompt runs now. It stays stored until `drop`, so that a takeover finds it. */
  take(promptId: string): QueueChange {
    this.#entries = this.#entries.filter((entry) => entry.prompt.promptId !== promptId);
    return { op: 'take', promptId };
  }

  /** Removes a prompt that waits, or one whose turn is over. */
  remove(promptId: string): QueueChange {
    this.#entries = this.#entries.filter((entry) => entry.prompt.promptId !== promptId);
    return { op: 'del', promptId };
  }

  /** Notes the uuid under which the CLI gets a prompt, which is then no waiting one any more. */
  steer(prompt: WaitingPrompt, steerId: TurnId): QueueChange[] {
    const score = this.#entries[this.#indexOf(prompt.promptId)]?.score ?? 0;
    return [putOf({ prompt: { ...prompt, steerId }, score }), this.take(prompt.promptId)];
  }

  clear(): QueueChange[] {
    return this.#entries.map((entry) => entry.prompt.promptId).map((promptId) => this.remove(promptId));
  }

  #insert(prompt: WaitingPrompt, score: number, index: number): QueueChange {
    const entry = { prompt, score };
    this.#entries = this.#entries.toSpliced(index, 0, entry);
    return putOf(entry);
  }

  #indexOf(promptId: string): number {
    return this.#entries.findIndex((entry) => entry.prompt.promptId === promptId);
  }
}

function putOf({ prompt, score }: Entry): QueueChange {
  return { op: 'put', promptId: prompt.promptId, json: JSON.stringify(prompt), score };
}

/** Closer neighbours than this are renumbered: halving a gap between doubles must end somewhere. */
const MIN_GAP = 1e-6;

function scoreBetween(before: number | undefined, after: number | undefined): number | undefined {
  if (before === undefined) return (after ?? 2) - 1;
  if (after === undefined) return before + 1;
  return after - before < MIN_GAP ? undefined : (before + after) / 2;
}
