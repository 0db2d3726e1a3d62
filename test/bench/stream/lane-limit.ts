// The limit line's sending side: one PUBLISH an event, nothing stored, no auto-pipelining.
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from '@holdfast/shared/store';
import { answerEvent, type ProducerLane } from './lane.ts';

export function createLimitLane(redis: Redis): ProducerLane {
  const offsets: number[] = [];
  const sent: { unanswered: number; failure: unknown } = { unanswered: 0, failure: undefined };
  return {
    open: async (count) => {
      for (let index = 0; index < count; index += 1) offsets.push(0);
    },
    push: (index, event) => {
      const offset = (offsets[index] ?? 0) + 1;
      offsets[index] = offset;
      sent.unanswered += 1;
      const frame = JSON.stringify({ offset, at: Date.now(), ...answerEvent(event) });
      redis.publish(channelOf(index), frame).then(
        () => (sent.unanswered -= 1),
        (error: unknown) => (sent.failure = error),
      );
    },
    placeOf: (index) => ({ id: String(index), epoch: '', offset: offsets[index] ?? 0 }),
    flushed: async () => {
      while (sent.unanswered > 0 && sent.failure === undefined) await pause(5);
      if (sent.failure !== undefined) throw sent.failure;
    },
  };
}

function channelOf(index: number): string {
  return `limit:${index}`;
}
