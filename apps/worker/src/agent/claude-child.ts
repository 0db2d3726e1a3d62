// One running CLI: lines in and out, control requests with deadlines. Knows the CLI's dialect of the pipe, but
// nothing of turns, sessions or Redis.
import { createDeferred, DeadlineError, withDeadline, type Deferred } from '@holdfast/shared/util';
import { z } from 'zod';
import { spawnChild, type Child, type ChildCommand, type ChildEnd } from '../process/child.ts';
import { createJsonLines, type LineResult } from './json-lines.ts';

/** What happens to a running CLI, in order. `ended` is last and comes after the last line was given out. */
export type ChildEvent =
  | { readonly kind: 'message'; readonly value: unknown }
  | { readonly kind: 'bad_line'; readonly text: string }
  | { readonly kind: 'line_too_long'; readonly bytes: number }
  | { readonly kind: 'ended'; readonly end: ChildEnd };

/** When the CLI takes a prompt that finds a turn running: after it, or at the turn's next chance. */
export type PromptPriority = 'later' | 'next';

export type ControlResult =
  | { readonly status: 'ok'; readonly response: unknown }
  | { readonly status: 'refused'; readonly error: string }
  | { readonly status: 'late' }
  | { readonly status: 'ended' };

const ControlResponse = z.looseObject({
  type: z.literal('control_response'),
  response: z.looseObject({
    subtype: z.string(),
    request_id: z.string(),
    /** Missing where there is nothing to say (`set_model`, `interrupt`). */
    response: z.unknown().optional(),
    error: z.string().optional(),
  }),
});

export class ClaudeChild {
  readonly process: Child;
  readonly #lines = createJsonLines();
  readonly #pending = new Map<string, Deferred<ControlResult>>();
  readonly #emit: (event: ChildEvent) => void;
  #nextRequest = 1;

  /** Starts the CLI. `onEvent` is called in order, never inside this constructor. */
  constructor(command: ChildCommand, onEvent: (event: ChildEvent) => void) {
    this.#emit = onEvent;
    this.process = spawnChild(command, {
      stdout: (chunk) => this.#take(this.#lines.push(chunk)),
      stdoutEnd: () => this.#take(this.#lines.end()),
    });
    void this.process.ended.then((end) => {
      for (const pending of this.#pending.values()) pending.resolve({ status: 'ended' });
      this.#pending.clear();
      onEvent({ kind: 'ended', end });
    });
  }

  /** Asks the CLI for something; answers `late` after `limitMs`. */
  async control(
    request: { readonly subtype: string } & Record<string, unknown>,
    limitMs: number,
  ): Promise<ControlResult> {
    const requestId = `hf-${this.#nextRequest}`;
    this.#nextRequest += 1;
    const deferred = createDeferred<ControlResult>();
    this.#pending.set(requestId, deferred);
    if (!this.process.write(JSON.stringify({ type: 'control_request', request_id: requestId, request }))) {
      this.#pending.delete(requestId);
      return { status: 'ended' };
    }
    try {
      return await withDeadline(deferred.promise, { limitMs, what: `control request ${request.subtype}` });
    } catch (error) {
      if (error instanceof DeadlineError) return { status: 'late' };
      throw error;
    } finally {
      this.#pending.delete(requestId);
    }
  }

  /** Answers a request of the CLI's own (a permission it asks for). */
  answer(requestId: string, response: Record<string, unknown>): void {
    const body = {
      type: 'control_response',
      response: { subtype: 'success', request_id: requestId, response },
    };
    this.process.write(JSON.stringify(body));
  }

  /** Writes a prompt. `uuid` is echoed by the CLI and becomes the id in its transcript. */
  prompt(uuid: string, content: readonly unknown[], priority: PromptPriority): boolean {
    return this.process.write(
      JSON.stringify({
        type: 'user',
        message: { role: 'user', content },
        parent_tool_use_id: null,
        session_id: '',
        uuid,
        priority,
      }),
    );
  }

  #take(results: readonly LineResult[]): void {
    for (const result of results) {
      if (result.kind === 'too_long') this.#emit({ kind: 'line_too_long', bytes: result.bytes });
      else if (result.kind === 'bad') this.#emit({ kind: 'bad_line', text: result.text });
      else if (!this.#settle(result.value)) this.#emit({ kind: 'message', value: result.value });
    }
  }

  /** Takes answers to our own requests out of the stream. The CLI also echoes our answers: those are dropped. */
  #settle(value: unknown): boolean {
    const parsed = ControlResponse.safeParse(value);
    if (!parsed.success) return false;
    const { request_id: requestId, subtype, response, error } = parsed.data.response;
    const settled: ControlResult =
      subtype === 'success'
        ? { status: 'ok', response }
        : { status: 'refused', error: error ?? 'no reason given' };
    this.#pending.get(requestId)?.resolve(settled);
    return true;
  }
}
