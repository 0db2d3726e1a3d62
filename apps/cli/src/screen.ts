// Puts pieces on the two streams so that a line on stderr never lands in the middle of one on a shared terminal.
import type { Io } from './io.ts';
import type { Piece } from './render/piece.ts';

export class Screen {
  readonly #io: Io;
  #isOutMidLine = false;

  constructor(io: Io) {
    this.#io = io;
  }

  show(pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      if (piece.to === 'out') this.#out(piece.text);
      else this.#err(piece.text);
    }
  }

  /** A line on stderr. */
  note(line: string): void {
    this.#err(`${line}\n`);
  }

  /** Ends a line that stdout is in the middle of. */
  endLine(): void {
    if (this.#isOutMidLine) this.#out('\n');
  }

  #out(text: string): void {
    this.#io.out(text);
    this.#isOutMidLine = !text.endsWith('\n');
  }

  #err(text: string): void {
    const { isOutTerminal, isErrTerminal } = this.#io;
    const isShared = isOutTerminal && isErrTerminal;
    this.#io.err(this.#isOutMidLine && isShared ? `\n${text}` : text);
  }
}
