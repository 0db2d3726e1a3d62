// Sends a prompt and follows it to the end of its turn: the answer on stdout, everything else on stderr.
import type { Client, Session, SessionItem } from '@holdfast/client';
import { mintId, textContent, type Message, type Upload, type WhenBusy } from '@holdfast/shared/protocol';
import { EXIT, type Io } from './io.ts';
import {
  progressOf,
  startProgress,
  type Outcome,
  type Phase,
  type PromptProgress,
} from './prompt-progress.ts';
import { eventLine, jsonLine } from './render/json.ts';
import type { RenderOptions } from './render/piece.ts';
import { withoutControls } from './render/style.ts';
import { EMPTY_TRANSCRIPT, renderEvent, renderSnapshot, type TranscriptState } from './render/transcript.ts';
import { Screen } from './screen.ts';
import { watchConnection } from './watch-connection.ts';

export interface PromptJob {
  readonly client: Client;
  readonly session: Session;
  readonly text: string;
  readonly files?: readonly Upload[];
  /** What becomes of the prompt when a turn runs. */
  readonly whenBusy?: WhenBusy | undefined;
  readonly isJson: boolean;
  readonly io: Io;
}

/** Resolves with the exit code: 0 for an answer, 1 for a failure, 130 when the turn was aborted. */
export async function followPrompt(job: PromptJob): Promise<number> {
  const run = new PromptRun(job);
  const stopWatching = watchConnection(job.client, (line) => run.screen.note(line));
  const stopListening = job.io.onInterrupt(() => run.interrupt());
  try {
    return await run.follow();
  } finally {
    stopListening();
    stopWatching();
    run.screen.endLine();
    if (!job.isJson) job.io.err(`session ${job.session.sessionId}\n`);
  }
}

class PromptRun {
  readonly screen: Screen;
  readonly #job: PromptJob;
  readonly #options: RenderOptions;
  readonly #stop = new AbortController();
  #progress: PromptProgress = startProgress(mintId());
  #transcript: TranscriptState = EMPTY_TRANSCRIPT;
  #isPrompted = false;
  #wasInterrupted = false;
  #failure: unknown;

  constructor(job: PromptJob) {
    const { io } = job;
    this.#job = job;
    this.screen = new Screen(io);
    const clean = io.isOutTerminal ? withoutControls : (text: string): string => text;
    this.#options = { mode: 'answer', style: io.errStyle, clean, sessionId: job.session.sessionId };
  }

  async follow(): Promise<number> {
    const { session } = this.#job;
    for await (const item of session.events({ from: 'snapshot', signal: this.#stop.signal })) {
      this.#take(item);
      // Only now: with the reader in place nothing of the answer can be missed.
      if (item.kind === 'caught_up' && !this.#isPrompted) this.#prompt();
      const { phase } = this.#progress;
      if (phase.kind === 'over') return this.#end(phase.outcome);
    }
    if (this.#failure !== undefined) throw this.#failure;
    return EXIT.interrupted;
  }

  /** The first Ctrl-C aborts the turn, the second leaves it to itself. */
  interrupt(): void {
    const { phase } = this.#progress;
    if (this.#wasInterrupted || phase.kind === 'over') {
      this.#stop.abort();
      return;
    }
    this.#wasInterrupted = true;
    if (phase.kind !== 'running') {
      this.screen.note('The prompt has not started yet: press Ctrl-C again to leave it in the queue');
      return;
    }
    this.screen.note('Aborting the turn; press Ctrl-C again to leave it running');
    void this.#job.session.abort({ turnId: phase.turnId }).catch((error: unknown) => this.#fail(error));
  }

  #prompt(): void {
    this.#isPrompted = true;
    const { session, text, files = [], whenBusy = 'queue' } = this.#job;
    const blocks = files.map((file) => ({ type: 'file' as const, ...file }));
    void session
      .prompt([...textContent(text), ...blocks], { promptId: this.#progress.promptId, whenBusy })
      .catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#stop.abort();
  }

  #take(item: SessionItem): void {
    const before = this.#progress.phase;
    this.#progress = progressOf(this.#progress, item);
    if (this.#isPrompted) this.#show(item, before);
    else if (item.kind !== 'caught_up') this.#transcript = { offset: item.position.offset, open: null };
    if (!this.#job.isJson) this.#noteWaiting(before);
  }

  #show(item: SessionItem, before: Phase): void {
    if (item.kind === 'caught_up') return;
    const turnIds = [turnIdOf(before), turnIdOf(this.#progress.phase)].filter((id) => id !== null);
    const isOurs = (id: string | null): boolean => turnIds.some((ours) => ours === id);
    if (item.kind === 'reset') {
      const isShown = (row: Message): boolean => isOurs(row.turnId) && row.kind !== 'prompt';
      const rendered = renderSnapshot(this.#transcript, item.snapshot, { ...this.#options, isShown });
      this.#transcript = rendered.state;
      if (!this.#job.isJson) this.screen.show(rendered.pieces);
      return;
    }
    const { event } = item;
    const isChildEnd = event.type === 'child_exited' && turnIds.length > 0;
    const isAnybodys = event.type === 'notice' || event.type === 'approval_resolved';
    if (!isChildEnd && !('turnId' in event ? isOurs(event.turnId) : isAnybodys)) return;
    if (this.#job.isJson) {
      this.#job.io.out(eventLine(event, item.position.epoch));
      return;
    }
    const rendered = renderEvent(this.#transcript, event, this.#options);
    this.#transcript = rendered.state;
    this.screen.show(rendered.pieces);
  }

  #noteWaiting(before: Phase): void {
    const { phase } = this.#progress;
    if (phase.kind !== 'queued' || phase.ahead === 0) return;
    if (before.kind === 'queued' && before.ahead === phase.ahead) return;
    this.screen.note(this.#options.style.dim(`· waiting: ${phase.ahead} before this prompt`));
  }

  #end(outcome: Outcome): number {
    const { phase, promptId } = this.#progress;
    if (this.#job.isJson) {
      const turnId = turnIdOf(phase);
      const { sessionId } = this.#job.session;
      this.#job.io.out(jsonLine({ type: 'result', sessionId, promptId, turnId, outcome }));
      return exitCodeOf(outcome);
    }
    this.screen.endLine();
    const line = outcomeLine(outcome);
    if (line !== undefined) this.screen.note(line);
    return exitCodeOf(outcome);
  }
}

function turnIdOf(phase: Phase): string | null {
  return 'turnId' in phase ? phase.turnId : null;
}

export function exitCodeOf(outcome: Outcome): number {
  if (outcome.kind === 'cancelled') return EXIT.interrupted;
  if (outcome.kind !== 'ended') return EXIT.failed;
  if (outcome.stopReason === 'aborted') return EXIT.interrupted;
  return outcome.stopReason === 'end_turn' || outcome.stopReason === 'stop_sequence' ? EXIT.ok : EXIT.failed;
}

/** What to say beside what the events said; undefined when an answer came to its end. */
function outcomeLine(outcome: Outcome): string | undefined {
  if (outcome.kind === 'cancelled') return 'The prompt was cancelled before it started';
  if (outcome.kind === 'unknown') {
    return 'The log of this session was lost or cut meanwhile: "holdfast attach" shows what is left';
  }
  if (outcome.kind === 'interrupted') return 'The turn was interrupted: send the prompt again to retry';
  if (outcome.stopReason === 'aborted') return 'The turn was aborted';
  const isPlain = outcome.stopReason === 'end_turn' || outcome.stopReason === 'stop_sequence';
  return isPlain || outcome.error !== null ? undefined : `The answer ended early: ${outcome.stopReason}`;
}
