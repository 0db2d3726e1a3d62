// Turns as a CLI would make them, without one: deltas of two messages that stream side by side, tool calls with
// small and big results, the completed messages, the end.
import { mintTurnId, NO_TOKENS, type EventBody, type TurnId } from '@holdfast/shared/protocol';
import { between, type Random } from './random.ts';

const WORDS = 'durable fenced offset epoch replay claim lease drain résumé 日本 🙂 turn'.split(' ');

/** The steps of one turn, each with the events that are appended together. */
export function* syntheticTurn(
  random: Random,
  options: { readonly turnId?: TurnId; readonly steps?: number } = {},
): Generator<EventBody[], void> {
  const turnId = options.turnId ?? mintTurnId();
  const steps = options.steps ?? between(random, 20, 80);
  const streams = [openStream(turnId, 'a'), openStream(turnId, 'b')];
  yield [{ type: 'turn_started', turnId, promptId: null, content: null, attempt: 1 }];
  for (let step = 0; step < steps; step += 1) {
    const stream = streams[random() < 0.7 ? step % 2 : 0];
    if (stream !== undefined) yield [stream.delta(words(random, between(random, 1, 8)))];
    if (random() < 0.04) yield* toolCall(random, turnId, step);
  }
  for (const stream of streams) yield [stream.completed()];
  yield [usage(steps)];
  yield [turnEnded(turnId)];
}

export function turnEnded(turnId: TurnId): EventBody {
  const nothing = { durationMs: 0, apiDurationMs: 0, costUsd: 0, usage: NO_TOKENS };
  return { type: 'turn_ended', turnId, stopReason: 'end_turn', error: null, ...nothing };
}

function usage(steps: number): EventBody {
  const totals = { ...NO_TOKENS, outputTokens: steps };
  return { type: 'usage_updated', context: { tokens: steps, windowTokens: 200_000 }, totals, costUsd: 0 };
}

interface Stream {
  delta(text: string): EventBody;
  completed(): EventBody;
}

function openStream(turnId: TurnId, name: string): Stream {
  const key = { turnId, messageId: `${turnId.slice(0, 8)}-${name}`, block: 0 };
  let text = '';
  return {
    delta: (more) => {
      text += more;
      return { type: 'message_delta', ...key, kind: 'text', text: more };
    },
    completed: () => ({ type: 'message_completed', ...key, kind: 'text', text }),
  };
}

function* toolCall(random: Random, turnId: TurnId, step: number): Generator<EventBody[], void> {
  const toolCallId = `${turnId.slice(0, 8)}-${step}`;
  const input = { command: words(random, 12) };
  const place = { turnId, messageId: `${toolCallId}-m`, block: 0 };
  yield [{ type: 'tool_call_started', ...place, toolCallId, name: 'Bash', input }];
  const output = words(random, random() < 0.3 ? between(random, 200, 700) : 20);
  yield [{ type: 'tool_call_completed', turnId, toolCallId, isError: false, output, truncated: false }];
}

function words(random: Random, count: number): string {
  return Array.from({ length: count }, () => `${WORDS[between(random, 0, WORDS.length - 1)]} `).join('');
}
