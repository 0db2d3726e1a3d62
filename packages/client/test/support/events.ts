// Builds logs for tests: each call takes the next offset.
import {
  mintTurnId,
  PromptId,
  type SessionId,
  textContent,
  type TurnId,
  UserId,
  type EventBody,
  type SessionEvent,
} from '@holdfast/shared/protocol';
import { sessionIdOf } from './fake-log.ts';

const by = UserId.parse('local');

export class LogWriter {
  readonly events: SessionEvent[] = [];
  #offset = 0;

  get offset(): number {
    return this.#offset;
  }

  add(body: EventBody, at = 1_700_000_000_000): SessionEvent {
    this.#offset += 1;
    const event = { ...body, offset: this.#offset, at };
    this.events.push(event);
    return event;
  }

  created(sessionId: SessionId = sessionIdOf(0)): SessionEvent {
    const settings = { permissionMode: 'default' as const, allowedTools: [], disallowedTools: [] };
    return this.add({ type: 'session_created', sessionId, userId: by, title: null, cwd: '/w', settings });
  }

  queued(promptId: string, text: string): SessionEvent {
    return this.add({
      type: 'prompt_queued',
      promptId: PromptId.parse(promptId),
      content: textContent(text),
      by,
    });
  }

  started(promptId: string, text: string, turnId: TurnId = mintTurnId()): SessionEvent {
    const prompt = { promptId: PromptId.parse(promptId), content: textContent(text) };
    return this.add({ type: 'turn_started', turnId, ...prompt, attempt: 1 });
  }

  delta(turnId: TurnId, text: string, messageId = 'm1'): SessionEvent {
    return this.add({ type: 'message_delta', turnId, messageId, block: 0, kind: 'text', text });
  }

  completed(turnId: TurnId, text: string, messageId = 'm1'): SessionEvent {
    return this.add({ type: 'message_completed', turnId, messageId, block: 0, kind: 'text', text });
  }

  ended(turnId: TurnId): SessionEvent {
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 };
    const times = { durationMs: 1, apiDurationMs: 1, costUsd: 0 };
    return this.add({ type: 'turn_ended', turnId, stopReason: 'end_turn', error: null, ...times, usage });
  }

  /** A whole turn: queued, started, deltas, completed, ended. */
  turn(options: { readonly promptId: string; readonly text: string; readonly answer: string }): void {
    const turnId = mintTurnId();
    const messageId = `msg-${this.#offset}`;
    this.queued(options.promptId, options.text);
    this.started(options.promptId, options.text, turnId);
    for (const word of options.answer.split(/(?<= )/)) this.delta(turnId, word, messageId);
    this.completed(turnId, options.answer, messageId);
    this.ended(turnId);
  }
}
