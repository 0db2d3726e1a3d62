// Translates the CLI's messages into our events. Keeps only what is needed for that: which blocks stream, and
// running totals. Decides nothing about turns: it says `turnBegan` and `turnOver`, the session decides.
import {
  NO_TOKENS,
  type EventBody,
  type SessionView,
  type TokenTotals,
  type TurnId,
} from '@holdfast/shared/protocol';
import { assertNever } from '@holdfast/shared/util';
import { CliMessage, type CliContentBlock, type CliMessageOf, type CliUsage } from './cli-messages.ts';
import { rateLimitNotice } from './rate-limit.ts';
import { resultText } from './result-text.ts';
import { StreamBlocks, type BlockRef } from './stream-blocks.ts';
import { CompactMetadata, systemEvents } from './system-events.ts';
import { Tasks } from './tasks.ts';

/** What a message means to the session, besides the events to append. */
export type Signal =
  | {
      readonly kind: 'turn_began';
      readonly cliSessionId: string | undefined;
      readonly cliVersion: string | undefined;
    }
  /** The CLI confirmed a prompt of ours by its uuid (comes with the model's first answer). */
  | { readonly kind: 'prompt_acknowledged'; readonly uuid: string }
  | { readonly kind: 'turn_over'; readonly result: CliMessageOf<'result'> }
  | { readonly kind: 'state'; readonly state: string }
  | { readonly kind: 'credentials_refused'; readonly status: number }
  | {
      readonly kind: 'control_request';
      readonly requestId: string;
      readonly request: Record<string, unknown>;
    }
  | { readonly kind: 'control_cancel'; readonly requestId: string };

export interface Mapped {
  readonly events: readonly EventBody[];
  readonly signals: readonly Signal[];
}

const NOTHING: Mapped = { events: [], signals: [] };

/** Longest tool result kept in an event, in characters; more is cut and marked. */
const MAX_OUTPUT_CHARS = 100_000;

export class EventMapper {
  readonly #blocks = new StreamBlocks();
  readonly #tasks = new Tasks();
  #contextTokens: number;
  #windowTokens: number | null;
  #processCostUsd = 0;
  #totals: TokenTotals;
  #costUsd: number;

  /** `before`: what earlier children of the session have used, since totals go on over respawns. */
  constructor(before: SessionView['usage']) {
    this.#contextTokens = before.contextTokens;
    this.#windowTokens = before.windowTokens;
    this.#totals = before.totals;
    this.#costUsd = before.costUsd;
  }

  /** What the session has used so far. */
  get usage(): SessionView['usage'] {
    return {
      contextTokens: this.#contextTokens,
      windowTokens: this.#windowTokens,
      totals: this.#totals,
      costUsd: this.#costUsd,
    };
  }

  /** Cost of the whole session so far, in US dollars. */
  get costUsd(): number {
    return this.#costUsd;
  }

  /** The tasks of this CLI that have not ended: what goes on between turns. */
  get outstandingTasks(): readonly string[] {
    return this.#tasks.outstanding;
  }

  /** Maps one message; `turnId` is the turn in flight. Never throws: what it does not know becomes `unknown`. */
  map(raw: unknown, turnId: TurnId | null): Mapped {
    const parsed = CliMessage.safeParse(raw);
    if (!parsed.success) return { events: [unknownEvent(raw, turnId)], signals: [] };
    const message = parsed.data;
    switch (message.type) {
      case 'system':
        return this.#system(message, turnId);
      case 'stream_event':
        return { events: this.#stream(message, turnId), signals: [] };
      case 'assistant':
        return { events: this.#assistant(message, turnId), signals: [] };
      case 'user':
        return userMessage(message, turnId);
      case 'result':
        return this.#result(message, turnId);
      case 'rate_limit_event':
        return { events: [rateLimitNotice(message.rate_limit_info)], signals: [] };
      case 'control_request':
        return signal({ kind: 'control_request', requestId: message.request_id, request: message.request });
      case 'control_cancel_request':
        return signal({ kind: 'control_cancel', requestId: message.request_id });
      case 'control_response':
        return NOTHING; // answers to our own requests are taken out before; this is the CLI's echo of ours
      default:
        return assertNever(message);
    }
  }

  /** The events that close what a dead or aborted child left open. */
  closeOpenBlocks(turnId: TurnId | null): EventBody[] {
    return this.#blocks.clear().map((ref) => discarded(ref, turnId));
  }

  #system(message: CliMessageOf<'system'>, turnId: TurnId | null): Mapped {
    if (message.subtype === 'compact_boundary') {
      const { post_tokens: left } = CompactMetadata.safeParse(message['compact_metadata']).data ?? {};
      this.#contextTokens = left ?? this.#contextTokens;
    }
    const events = this.#tasks.take(message, turnId);
    return events === undefined ? systemEvents(message, turnId) : { events, signals: [] };
  }

  #stream(message: CliMessageOf<'stream_event'>, turnId: TurnId | null): EventBody[] {
    const parentId = message.parent_tool_use_id ?? '';
    const part = message.event;
    switch (part.type) {
      case 'message_start':
        return this.#blocks.begin(parentId, part.message.id).map((ref) => discarded(ref, turnId));
      case 'content_block_start': {
        const kind = blockKind(part.content_block.type);
        if (kind !== undefined) this.#blocks.open(parentId, part.index, kind);
        return [];
      }
      case 'content_block_delta': {
        const ref = this.#blocks.find(parentId, part.index);
        const text = part.delta.text ?? part.delta.thinking ?? part.delta.partial_json ?? '';
        if (ref === undefined || text === '') return [];
        return [{ type: 'message_delta', turnId, ...ref, ...parentField(parentId), text }];
      }
      case 'message_delta':
        if (part.usage !== undefined && parentId === '') this.#contextTokens = contextOf(part.usage);
        return [];
      case 'content_block_stop':
      case 'message_stop':
        return [];
      default:
        return assertNever(part);
    }
  }

  #assistant(message: CliMessageOf<'assistant'>, turnId: TurnId | null): EventBody[] {
    const parentId = message.parent_tool_use_id ?? '';
    const messageId = message.message.id;
    // What the CLI says in the model's place (an API that failed) carries no tokens and is no message of the context.
    const tokens = message.message.usage === undefined ? 0 : contextOf(message.message.usage);
    if (tokens > 0 && parentId === '') this.#contextTokens = tokens;
    return message.message.content.flatMap((content) => {
      const { block, superseded } = this.#blocks.complete(parentId, messageId);
      const at = { turnId, messageId, block, ...parentField(parentId) };
      return [...superseded.map((ref) => discarded(ref, turnId)), completedBlock(content, at)];
    });
  }

  #result(message: CliMessageOf<'result'>, turnId: TurnId | null): Mapped {
    const windows = Object.values(message.modelUsage ?? {}).map((usage) => usage.contextWindow ?? 0);
    this.#windowTokens = Math.max(0, ...windows) || this.#windowTokens;
    this.#costUsd += Math.max(0, message.total_cost_usd - this.#processCostUsd);
    this.#processCostUsd = message.total_cost_usd;
    this.#totals = addTotals(this.#totals, toTotals(message.usage));
    const { contextTokens: tokens, windowTokens, totals, costUsd } = this.usage;
    const usage: EventBody = { type: 'usage_updated', context: { tokens, windowTokens }, totals, costUsd };
    return {
      events: [...this.closeOpenBlocks(turnId), usage],
      signals: [{ kind: 'turn_over', result: message }],
    };
  }
}

function signal(value: Signal): Mapped {
  return { events: [], signals: [value] };
}

function userMessage(message: CliMessageOf<'user'>, turnId: TurnId | null): Mapped {
  if (message.isReplay === true) {
    return message.uuid === undefined ? NOTHING : signal({ kind: 'prompt_acknowledged', uuid: message.uuid });
  }
  if (typeof message.message.content === 'string') return NOTHING;
  const results = message.message.content.filter((content) => content.type === 'tool_result');
  return {
    events: results.map((content) => toolResult(content, turnId, message.parent_tool_use_id)),
    signals: [],
  };
}

function toolResult(
  content: CliContentBlock,
  turnId: TurnId | null,
  parentId: string | null | undefined,
): EventBody {
  const text = resultText(content.content);
  return {
    type: 'tool_call_completed',
    turnId,
    ...parentField(parentId ?? ''),
    toolCallId: content.tool_use_id ?? '',
    isError: content.is_error ?? false,
    output: text.slice(0, MAX_OUTPUT_CHARS),
    truncated: text.length > MAX_OUTPUT_CHARS,
  };
}

function completedBlock(
  content: CliContentBlock,
  at: { turnId: TurnId | null; messageId: string; block: number; parentToolCallId?: string },
): EventBody {
  if (content.type === 'text')
    return { type: 'message_completed', ...at, kind: 'text', text: content.text ?? '' };
  if (content.type === 'thinking') {
    return { type: 'message_completed', ...at, kind: 'thinking', text: content.thinking ?? '' };
  }
  if (content.type === 'tool_use' && content.id !== undefined && content.name !== undefined) {
    return {
      type: 'tool_call_started',
      ...at,
      toolCallId: content.id,
      name: content.name,
      input: content.input ?? {},
    };
  }
  return { type: 'unknown', turnId: at.turnId, source: `assistant/${content.type}`, raw: content };
}

function discarded(ref: BlockRef, turnId: TurnId | null): EventBody {
  return { type: 'message_discarded', turnId, messageId: ref.messageId, block: ref.block };
}

function unknownEvent(raw: unknown, turnId: TurnId | null): EventBody {
  const type = typeof raw === 'object' && raw !== null && 'type' in raw ? String(raw.type) : typeof raw;
  return { type: 'unknown', turnId, source: type, raw };
}

function blockKind(type: string): 'text' | 'thinking' | 'tool_input' | undefined {
  if (type === 'text' || type === 'thinking') return type;
  return type === 'tool_use' ? 'tool_input' : undefined;
}

function parentField(parentId: string): { parentToolCallId?: string } {
  return parentId === '' ? {} : { parentToolCallId: parentId };
}

/** Tokens the next call will carry: all of the prompt and the answer. */
function contextOf(usage: CliUsage): number {
  const totals = toTotals(usage);
  return totals.inputTokens + totals.cacheReadTokens + totals.cacheCreationTokens + totals.outputTokens;
}

/** The CLI's usage numbers in our names; absent numbers count as 0. */
export function toTotals(usage: CliUsage | undefined): TokenTotals {
  if (usage === undefined) return NO_TOKENS;
  return {
    inputTokens: usage.input_tokens ?? 0,
    outputTokens: usage.output_tokens ?? 0,
    cacheReadTokens: usage.cache_read_input_tokens ?? 0,
    cacheCreationTokens: usage.cache_creation_input_tokens ?? 0,
  };
}

function addTotals(one: TokenTotals, other: TokenTotals): TokenTotals {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheCreationTokens: one.cacheCreationTokens + other.cacheCreationTokens,
  };
}
