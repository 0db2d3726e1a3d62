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
    switch (event.type) {
      case 'prompt_queued':
        this.#queuedAt.set(event.promptId, event.at);
        break;
      case 'prompt_cancelled':
      case 'prompt_injected':
        this.#queuedAt.delete(event.promptId);
        break;
      case 'turn_started':
        if (event.promptId !== null) this.#began(event.promptId, event.at);
        break;
      case 'turn_ended':
        metrics.turns.inc({ stop_reason: event.stopReason });
        break;
      case 'turn_interrupted':
        metrics.turns.inc({ stop_reason: 'interrupted' });
        break;
      case 'approval_resolved':
        metrics.approvals.inc({ outcome: event.outcome });
        break;
      default:
        break;
    }
  }

  #began(promptId: string, at: number): void {
    const queuedAt = this.#queuedAt.get(promptId);
    if (queuedAt !== undefined) metrics.queueWaitSeconds.observe((at - queuedAt) / 1_000);
    this.#queuedAt.delete(promptId);
  }
}
