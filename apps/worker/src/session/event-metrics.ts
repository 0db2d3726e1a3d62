// Counts what a session's stored events tell: ends of turns, outcomes of approvals, how long prompts waited.
import type { SessionEvent } from '@holdfast/shared/protocol';
import { metrics } from '@holdfast/shared/runtime';

export class EventMetrics {
  /** When each prompt that waits was queued, ms since 1970. Bounded by the queue's cap. */
  readonly #queuedAt = new Map<string, number>();

  /** Told of each batch once it is in the log. */
  stored(events: readonly SessionEvent[]): void {
    metrics.appendedEvents.inc(events.length);
    for (const event of events) this.#one(event);
  }

  #one(event: SessionEvent): void {
    const { type } = event;
    if (type === 'prompt_queued') this.#queuedAt.set(event.promptId, event.at);
    else if (type === 'prompt_cancelled' || type === 'prompt_injected') this.#queuedAt.delete(event.promptId);
    else if (type === 'turn_started' && event.promptId !== null) this.#began(event.promptId, event.at);
    else if (type === 'turn_ended') metrics.turns.inc({ stop_reason: event.stopReason });
    else if (type === 'turn_interrupted') metrics.turns.inc({ stop_reason: 'interrupted' });
    else if (type === 'approval_resolved') metrics.approvals.inc({ outcome: event.outcome });
  }

  #began(promptId: string, at: number): void {
    const queuedAt = this.#queuedAt.get(promptId);
    if (queuedAt !== undefined) metrics.queueWaitSeconds.observe((at - queuedAt) / 1_000);
    this.#queuedAt.delete(promptId);
  }
}
