// What renderers give back, and what they need to know about where it goes.
import type { Style } from './style.ts';

/** Text for one of the two streams; a text that streams does not end with a line feed. */
export interface Piece {
  readonly to: 'out' | 'err';
  readonly text: string;
}

export interface RenderOptions {
  /** `answer`: only the text of the answer goes to stdout. `transcript`: everything does. */
  readonly mode: 'answer' | 'transcript';
  readonly style: Style;
  /** Makes texts of the model and of tools safe to print. */
  readonly clean: (text: string) => string;
  /** For what to type next. */
  readonly sessionId?: string;
}
