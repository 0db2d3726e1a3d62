// The waiting prompts of one session, in memory at the owner. Every change also says what to change in Redis, in
// the same append as its event.
import { PromptContent, PromptId, UserId } from '@holdfast/shared/protocol';
import type { QueueChange } from '@holdfast/shared/store';
import { z } from 'zod';

/** A prompt that waits. `attempt`: which try at delivering it comes next, from 1. */
export const WaitingPrompt = z.object({
  promptId: PromptId,
  content: PromptContent,
  by: UserId,
  attempt: z.int().min(1).default(1),
});
export type WaitingPrompt = z.infer<typeof WaitingPrompt>;

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

  clear(): QueueChange[] {
    return this.#entries.map((entry) => entry.prompt.promptId).map((promptId) => this.remove(promptId));
  }

  #insert(prompt: WaitingPrompt, score: number, index: number): QueueChange {
    this.#entries = this.#entries.toSpliced(index, 0, { prompt, score });
    return { op: 'put', promptId: prompt.promptId, json: JSON.stringify(prompt), score };
  }
}
