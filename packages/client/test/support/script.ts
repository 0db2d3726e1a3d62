// Random but valid session logs for property tests.
import * as fc from 'fast-check';
import { mintTurnId, PromptId, TurnId, UserId, type SessionEvent } from '@holdfast/shared/protocol';
import { LogWriter } from './events.ts';

export type LogStep =
  | { readonly kind: 'queue'; readonly text: string }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'start' }
  | { readonly kind: 'delta'; readonly text: string }
  | { readonly kind: 'complete' }
  | { readonly kind: 'tool' }
  | { readonly kind: 'tool_done' }
  | { readonly kind: 'clear' }
  | { readonly kind: 'end' };

const text = fc.constantFrom('ok', 'go on', 'stop');

/** Steps of a session; what makes no sense at its place is passed over by {@link ScriptedLog}. */
export const logStep: fc.Arbitrary<LogStep> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('queue' as const), text }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'cancel' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'start' as const }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('delta' as const), text }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'complete' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'tool' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'tool_done' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'end' as const }) },
);

const by = UserId.parse('local');

/** Turns steps into events as an owner of the session would: prompts start in order, a turn ends once. */
export class ScriptedLog {
  readonly writer = new LogWriter();
  #queue: { readonly promptId: string; readonly text: string }[] = [];
  #turnId: TurnId | undefined;
  #block = '';
  #messages = 0;
  #tool: string | undefined;

  constructor() {
    this.writer.created();
  }

  get events(): readonly SessionEvent[] {
    return this.writer.events;
  }

  /** The prompt that arrived on the server: it is queued under its own id. */
  queue(promptId: string, content: string): SessionEvent {
    this.#queue.push({ promptId, text: content });
    return this.writer.queued(promptId, content);
  }

  /** The events this step leads to. */
  step(step: LogStep): readonly SessionEvent[] {
    const before = this.writer.events.length;
    this.#take(step);
    return this.writer.events.slice(before);
  }

  #take(step: LogStep): void {
    if (step.kind === 'queue') this.queue(`other-${this.writer.offset}`, step.text);
    else if (step.kind === 'cancel') this.#cancel();
    else if (step.kind === 'start') this.#start();
    else if (step.kind === 'clear') this.#clear();
    else if (this.#turnId !== undefined) this.#takeInTurn(step, this.#turnId);
  }

  #takeInTurn(step: LogStep, turnId: TurnId): void {
    const messageId = `m${this.#messages}`;
    if (step.kind === 'delta') {
      this.#block += step.text;
      this.writer.delta(turnId, step.text, messageId);
    } else if (step.kind === 'complete' && this.#block !== '') {
      this.writer.completed(turnId, this.#block, messageId);
      this.#nextBlock();
    } else if (step.kind === 'tool' && this.#tool === undefined) {
      this.#tool = `t${this.writer.offset}`;
      const call = { toolCallId: this.#tool, name: 'Bash', input: { command: 'ls' } };
      this.writer.add({ type: 'tool_call_started', turnId, messageId: 'tools', block: 0, ...call });
    } else if (step.kind === 'tool_done' && this.#tool !== undefined) {
      const result = { toolCallId: this.#tool, isError: false, output: 'file', truncated: false };
      this.writer.add({ type: 'tool_call_completed', turnId, ...result });
      this.#tool = undefined;
    } else if (step.kind === 'end') {
      if (this.#block !== '') this.writer.add({ type: 'message_discarded', turnId, messageId, block: 0 });
      this.#nextBlock();
      this.#tool = undefined;
      this.writer.ended(turnId);
      this.#turnId = undefined;
    }
  }

  #start(): void {
    const next = this.#queue[0];
    if (next === undefined || this.#turnId !== undefined) return;
    this.#queue.shift();
    this.#turnId = mintTurnId();
    this.writer.started(next.promptId, next.text, this.#turnId);
  }

  #cancel(): void {
    const last = this.#queue.pop();
    if (last !== undefined) {
      this.writer.add({ type: 'prompt_cancelled', promptId: PromptId.parse(last.promptId), by });
    }
  }

  #clear(): void {
    this.#queue = [];
    const turnId = this.#turnId === undefined ? null : TurnId.parse(this.#turnId);
    this.writer.add({ type: 'abort_requested', turnId, queue: 'clear', background: 'keep', by });
  }

  #nextBlock(): void {
    this.#block = '';
    this.#messages += 1;
  }
}
