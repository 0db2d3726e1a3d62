// Server-sent events as text, whole messages at a time. The sizes of HTTP's chunks stand between them: nobody who
// looks for marks only minds.
import type { FrameHandlers } from './ws-frames.ts';

const END_OF_MESSAGE = '\n\n';

export class SseReader {
  #rest = '';

  push(chunk: Buffer, on: FrameHandlers): void {
    const text = this.#rest + chunk.toString('latin1');
    const end = text.lastIndexOf(END_OF_MESSAGE);
    this.#rest = text.slice(end + 1);
    if (end !== -1) on.onText(text.slice(0, end));
  }
}
