// Maps lists of the CLI's messages, for the tests of the mapper.
import { NO_TOKENS, TurnId, type EventBody } from '@holdfast/shared/protocol';
import { EventMapper, type Mapped, type Signal } from '../../src/agent/event-mapper.ts';
import { messagesOf } from './recorded.ts';

export const turnId = TurnId.parse('11111111-1111-4111-8111-111111111111');
export const FRESH = { contextTokens: 0, windowTokens: null, totals: NO_TOKENS, costUsd: 0 };

export function mapAll(
  mapper: EventMapper,
  messages: readonly unknown[],
): { events: EventBody[]; signals: Signal[] } {
  const mapped = messages.map((message): Mapped => mapper.map(message, turnId));
  return {
    events: mapped.flatMap((one) => one.events),
    signals: mapped.flatMap((one) => one.signals),
  };
}

export const play = (...names: Parameters<typeof messagesOf>[0][]): ReturnType<typeof mapAll> =>
  mapAll(new EventMapper(FRESH), names.flatMap(messagesOf));

export const only = <T extends EventBody['type']>(events: readonly EventBody[], type: T) =>
  events.filter((event): event is Extract<EventBody, { type: T }> => event.type === type);
