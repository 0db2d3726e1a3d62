// Which blocks are streaming right now: matches deltas to the message that closes them, and finds those that
// nothing will close any more (the CLI repeats a call after an error in mid-stream under a new message id).
import type { BlockKind } from '@holdfast/shared/protocol';

export interface BlockRef {
  readonly messageId: string;
  readonly block: number;
}

/** One stream at a time for the main conversation and one for each subagent, told apart by the parent tool call. */
export class StreamBlocks {
  readonly #streams = new Map<
    string,
    { messageId: string; open: Map<number, BlockKind>; completed: number }
  >();

  /** A message begins. Returns the blocks of the previous one that were left open. */
  begin(parent: string, messageId: string): BlockRef[] {
    const orphans = this.#orphansOf(parent, messageId);
    if (this.#streams.get(parent)?.messageId !== messageId) {
      this.#streams.set(parent, { messageId, open: new Map(), completed: 0 });
    }
    return orphans;
  }

  /** A block of the current message begins to stream. */
  open(parent: string, block: number, kind: BlockKind): void {
    this.#streams.get(parent)?.open.set(block, kind);
  }

  /** The reference and kind of a streaming block; undefined if nothing of it was announced. */
  find(parent: string, block: number): (BlockRef & { readonly kind: BlockKind }) | undefined {
    const stream = this.#streams.get(parent);
    const kind = stream?.open.get(block);
    return stream === undefined || kind === undefined
      ? undefined
      : { messageId: stream.messageId, block, kind };
  }

  /**
   * A finished block of `messageId` arrived: blocks finish in order, so its number is how many came before.
   * Returns that number, and the blocks of another message that this one supersedes.
   */
  complete(parent: string, messageId: string): { readonly block: number; readonly superseded: BlockRef[] } {
    const superseded = this.begin(parent, messageId);
    const stream = this.#streams.get(parent);
    const block = stream?.completed ?? 0;
    if (stream !== undefined) {
      stream.completed += 1;
      stream.open.delete(block);
    }
    return { block, superseded };
  }

  /** The turn is over: returns every block that is still open, and forgets all streams. */
  clear(): BlockRef[] {
    const orphans = [...this.#streams].flatMap(([, stream]) =>
      [...stream.open.keys()].map((block) => ({ messageId: stream.messageId, block })),
    );
    this.#streams.clear();
    return orphans;
  }

  #orphansOf(parent: string, nextMessageId: string): BlockRef[] {
    const stream = this.#streams.get(parent);
    if (stream === undefined || stream.messageId === nextMessageId) return [];
    return [...stream.open.keys()].map((block) => ({ messageId: stream.messageId, block }));
  }
}
