// Socket.IO's sending side: broadcasts to a room, written as its streams adapter writes them. There is no emitter
// package for streams; a worker that is a whole Server with the adapter costs more, so this is the kinder way.
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from '@holdfast/shared/store';
import { answerEvent, type ProducerLane } from '../lane.ts';

/** For all sessions together, as the adapter has it; trimmed roughly. */
const MAX_LENGTH = 100_000;
/** socket.io-adapter's name for who is not a server, its message type for a broadcast, and its packet type for an event. */
const EMITTER = 'emitter';
const BROADCAST = '3';
const EVENT = 2;

export function createSocketioLane(redis: Redis): ProducerLane {
  const offsets: number[] = [];
  const sent: { unanswered: number; failure: unknown } = { unanswered: 0, failure: undefined };
  return {
    open: async (count) => {
      for (let index = 0; index < count; index += 1) offsets.push(0);
    },
    push: (index, event) => {
      const offset = (offsets[index] ?? 0) + 1;
      offsets[index] = offset;
      const frame = { offset, at: Date.now(), ...answerEvent(event) };
      const data = {
        packet: { type: EVENT, data: ['e', frame], nsp: '/' },
        opts: { rooms: [String(index)], except: [], flags: {} },
      };
      const fields = ['uid', EMITTER, 'nsp', '/', 'type', BROADCAST, 'data', JSON.stringify(data)];
      sent.unanswered += 1;
      redis.xadd('socket.io', 'MAXLEN', '~', MAX_LENGTH, '*', ...fields).then(
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
