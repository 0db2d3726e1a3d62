// Events on their way to clients: the stored frames as the text of a JSON array, and the forms they are sent in,
// each built once for all who get it.
import { formatPosition, type SessionId } from '@holdfast/shared/protocol';
import { textFrame } from '../ws/text-frame.ts';

const CLOSE_FRAME = Buffer.from('}');
const SSE_END = Buffer.from('}\n\n');

/** Consecutive events of one session: offsets `first`..`last`. Must be sent in the tick in which it was made. */
export class EventBatch {
  readonly sessionId: SessionId;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  /** Bytes of the frames as stored. */
  readonly bytes: number;
  readonly #array: Buffer;
  #frame: Buffer | undefined;
  #sse: Buffer | undefined;

  constructor(place: BatchPlace, array: Buffer, storedBytes: number = array.length) {
    this.sessionId = place.sessionId;
    this.epoch = place.epoch;
    this.first = place.first;
    this.last = place.last;
    this.bytes = storedBytes;
    this.#array = array;
  }

  /** The `events` frame as it goes out on a WebSocket, its header included. */
  frame(): Buffer {
    return (this.#frame ??= textFrame(this.payload()));
  }

  /** The JSON of that frame, in parts. */
  payload(): readonly Buffer[] {
    const place = `{"type":"events","sessionId":"${this.sessionId}","epoch":"${this.epoch}","events":`;
    return [Buffer.from(place), this.#array, CLOSE_FRAME];
  }

  /** The `events` message for SSE, with the position of its last event as id. */
  sse(): Buffer {
    const id = formatPosition({ epoch: this.epoch, offset: this.last });
    return (this.#sse ??= Buffer.concat([
      Buffer.from(`event: events\nid: ${id}\ndata: {"events":`),
      this.#array,
      SSE_END,
    ]));
  }
}

export interface BatchPlace {
  readonly sessionId: SessionId;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
}

/** A batch of stored frames, in order, the first at `first`. */
export function batchOfFrames(place: Omit<BatchPlace, 'last'>, frames: readonly string[]): EventBatch {
  const last = place.first + frames.length - 1;
  return new EventBatch({ ...place, last }, Buffer.from(`[${frames.join(',')}]`));
}
