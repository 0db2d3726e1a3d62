// The commands of one session, each once and in order: as the doorbell brought them, else read from the inbox.
import type { SessionId } from '@holdfast/shared/protocol';
import { parseDoorbell, type CommandInbox, type ReadCommand } from '@holdfast/shared/store';

export class CommandFeed {
  readonly #inbox: Pick<CommandInbox, 'readAfter'>;
  readonly #sessionId: SessionId;
  #readSeq: number;
  /** Brought by the doorbell, and next in line: without a hole after what was read. */
  #brought: ReadCommand[] = [];

  /** `readSeq`: the last command that needs not be read any more. */
  constructor(inbox: Pick<CommandInbox, 'readAfter'>, sessionId: SessionId, readSeq: number) {
    this.#inbox = inbox;
    this.#sessionId = sessionId;
    this.#readSeq = readSeq;
  }

  /** A message of the doorbell. What comes out of turn is left to the inbox, which has everything. */
  ring(body: string): void {
    const rung = parseDoorbell(body);
    const last = this.#brought.at(-1)?.seq ?? this.#readSeq;
    if (rung !== null && rung.seq === last + 1) this.#brought.push(rung);
  }

  /** What came since the last call. `isRead`: the inbox was asked, which may have more; else the doorbell brought it. */
  async next(): Promise<{ readonly commands: readonly ReadCommand[]; readonly isRead: boolean }> {
    // Some may have been read from the inbox before their ring was heard.
    const brought = this.#brought.splice(0).filter(({ seq }) => seq > this.#readSeq);
    if (brought.length > 0) return { commands: brought, isRead: false };
    const commands = await this.#inbox.readAfter(this.#sessionId, this.#readSeq);
    // What was rung for meanwhile may be among them; whoever rang has also woken us, to ask again.
    this.#brought = [];
    return { commands, isRead: true };
  }

  /** The command is being carried out: it is not read again. */
  taken(seq: number): void {
    this.#readSeq = seq;
  }

  /** Redis may have lost commands: those after `inboxHead` get new numbers. */
  reset(inboxHead: number): void {
    this.#readSeq = Math.min(this.#readSeq, inboxHead);
    this.#brought = [];
  }

  /** Whether commands wait. */
  async hasMore(): Promise<boolean> {
    return (await this.#inbox.readAfter(this.#sessionId, this.#readSeq)).length > 0;
  }
}
