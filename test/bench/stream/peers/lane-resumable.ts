// resumable-stream's sending side: one stream of text for each session, made in the worker and never ended.
import { createResumableStreamContext } from 'resumable-stream/ioredis';
import { createLogger } from '@holdfast/shared/runtime';
import { createCommandRedis, createSubscriberRedis } from '@holdfast/shared/store';
import { answerEvent, type ProducerLane } from '../lane.ts';
import type { RedisPlace } from '../types.ts';

export function createResumableLane(place: RedisPlace): ProducerLane {
  const logger = createLogger({ part: 'producer', level: 'warn' });
  const context = createResumableStreamContext({
    waitUntil: null,
    publisher: createCommandRedis(place, logger, 'bench:resumable'),
    subscriber: createSubscriberRedis(place, logger, 'bench:resumable-sub'),
  });
  const sessions: { offset: number; readonly controller: ReadableStreamDefaultController<string> }[] = [];
  return {
    open: async (count) => {
      for (let index = 0; index < count; index += 1) {
        const { promise, resolve } = Promise.withResolvers<ReadableStreamDefaultController<string>>();
        const makeStream = (): ReadableStream<string> => new ReadableStream({ start: resolve });
        const stream = await context.createNewResumableStream(String(sessions.length), makeStream);
        // The first reader would be a client of this process; without one, nothing must pile up for it.
        await stream?.cancel();
        sessions.push({ offset: 0, controller: await promise });
      }
    },
    push: (index, event) => {
      const session = sessions[index];
      if (session === undefined) return;
      session.offset += 1;
      const frame = { offset: session.offset, at: Date.now(), ...answerEvent(event) };
      session.controller.enqueue(JSON.stringify(frame));
    },
    placeOf: (index) => ({ id: String(index), epoch: '', offset: sessions[index]?.offset ?? 0 }),
    // It stores nothing: what was sent is known at the clients only.
    flushed: async () => undefined,
  };
}
