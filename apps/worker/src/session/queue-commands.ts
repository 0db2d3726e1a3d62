// What commands do to the queue: the events to append with the changes of the stored queue. Nothing is written here.
import type { CommandOf, EventBody, TurnId } from '@holdfast/shared/protocol';
import type { AppendEffects, QueueChange } from '@holdfast/shared/store';
import type { PromptQueue, WaitingPrompt } from './prompt-queue.ts';

/** Events with what changes together with them. */
export interface Step {
  readonly events: readonly EventBody[];
  readonly effects: AppendEffects;
}

/** `turnId`: the turn that runs and still takes prompts in; without one a prompt for it waits like any other. */
export function queuePrompt(queue: PromptQueue, command: CommandOf<'prompt'>, turnId: TurnId | null): Step {
  const { promptId, content, by, whenBusy } = command;
  const steer = whenBusy === 'steer' && turnId !== null;
  const prompt: WaitingPrompt = { promptId, content, by, attempt: 1, ...(steer ? { steer } : {}) };
  const before = beforeWhich(queue, { steer, urgent: whenBusy === 'interrupt' });
  const added = queue.add(prompt);
  const moved = before === null ? undefined : queue.move(promptId, before);
  queue.isPaused = false;
  const queued: EventBody = { type: 'prompt_queued', promptId, content, by };
  if (before === null || moved === undefined) return { events: [queued], effects: { queue: [added] } };
  return {
    events: [queued, { type: 'prompt_moved', promptId, before, by }],
    effects: { queue: [added, ...moved] },
  };
}

function beforeWhich(
  queue: PromptQueue,
  place: { readonly steer: boolean; readonly urgent: boolean },
): WaitingPrompt['promptId'] | null {
  if (place.urgent) return queue.first;
  return place.steer ? queue.behindSteers : null;
}

/** null: there is nothing to do, since the prompt does not wait (any more) or the queue is not paused. */
export function changeQueue(
  queue: PromptQueue,
  command: CommandOf<'promptEdit' | 'promptCancel' | 'promptMove' | 'resumeQueue'>,
): Step | null {
  const { by } = command;
  if (command.type === 'resumeQueue') {
    if (!queue.isPaused) return null;
    queue.isPaused = false;
    return { events: [{ type: 'queue_resumed', by }], effects: {} };
  }
  const { promptId } = command;
  if (!queue.has(promptId)) return null;
  switch (command.type) {
    case 'promptEdit': {
      const content = queue.edited(promptId, command.content);
      return stepOf({ type: 'prompt_edited', promptId, content, by }, queue.edit(promptId, content));
    }
    case 'promptMove': {
      const { before } = command;
      return stepOf({ type: 'prompt_moved', promptId, before, by }, queue.move(promptId, before));
    }
    case 'promptCancel':
      return stepOf({ type: 'prompt_cancelled', promptId, by }, queue.remove(promptId));
  }
}

function stepOf(event: EventBody, changes: QueueChange | QueueChange[] | undefined): Step | null {
  if (changes === undefined) return null;
  return { events: [event], effects: { queue: [changes].flat() } };
}
