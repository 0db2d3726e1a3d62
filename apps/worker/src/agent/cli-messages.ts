// What the CLI writes to stdout, as far as we read it (Claude Code 2.1.197). Loose on purpose: unknown keys pass,
// an unknown message becomes an `unknown` event, and nothing here breaks when the CLI adds something.
import { z } from 'zod';
import { RateLimit } from './rate-limit.ts';

const parent = { parent_tool_use_id: z.string().nullish() };

const Usage = z.looseObject({
  input_tokens: z.number().nullish(),
  output_tokens: z.number().nullish(),
  cache_read_input_tokens: z.number().nullish(),
  cache_creation_input_tokens: z.number().nullish(),
});
export type CliUsage = z.infer<typeof Usage>;

const StreamPart = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('message_start'), message: z.looseObject({ id: z.string() }) }),
  z.looseObject({
    type: z.literal('content_block_start'),
    index: z.int(),
    content_block: z.looseObject({ type: z.string() }),
  }),
  z.looseObject({
    type: z.literal('content_block_delta'),
    index: z.int(),
    delta: z.looseObject({
      type: z.string(),
      text: z.string().optional(),
      thinking: z.string().optional(),
      partial_json: z.string().optional(),
    }),
  }),
  z.looseObject({ type: z.literal('content_block_stop'), index: z.int() }),
  z.looseObject({ type: z.literal('message_delta'), usage: Usage.optional() }),
  z.looseObject({ type: z.literal('message_stop') }),
]);

const ContentBlock = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  thinking: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.unknown().optional(),
  tool_use_id: z.string().optional(),
  content: z.unknown().optional(),
  is_error: z.boolean().nullish(),
});
export type CliContentBlock = z.infer<typeof ContentBlock>;

export const CliMessage = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('system'),
    subtype: z.string(),
    session_id: z.string().optional(),
    state: z.string().optional(),
  }),
  z.looseObject({ type: z.literal('stream_event'), ...parent, event: StreamPart }),
  z.looseObject({
    type: z.literal('assistant'),
    ...parent,
    message: z.looseObject({ id: z.string(), content: z.array(ContentBlock), usage: Usage.optional() }),
  }),
  z.looseObject({
    type: z.literal('user'),
    ...parent,
    uuid: z.string().optional(),
    isReplay: z.boolean().optional(),
    isSynthetic: z.boolean().optional(),
    message: z.looseObject({ content: z.string().or(z.array(ContentBlock)) }),
  }),
  z.looseObject({
    type: z.literal('result'),
    subtype: z.string(),
    is_error: z.boolean(),
    api_error_status: z.number().nullish(),
    duration_ms: z.number().default(0),
    duration_api_ms: z.number().default(0),
    result: z.string().optional(),
    errors: z.array(z.string()).optional(),
    stop_reason: z.string().nullish(),
    terminal_reason: z.string().nullish(),
    total_cost_usd: z.number().default(0),
    usage: Usage.optional(),
    modelUsage: z.record(z.string(), z.looseObject({ contextWindow: z.number().optional() })).optional(),
    origin: z.looseObject({ kind: z.string() }).optional(),
  }),
  z.looseObject({ type: z.literal('rate_limit_event'), rate_limit_info: RateLimit }),
  z.looseObject({
    type: z.literal('control_request'),
    request_id: z.string(),
    request: z.looseObject({ subtype: z.string() }),
  }),
  z.looseObject({ type: z.literal('control_cancel_request'), request_id: z.string() }),
  z.looseObject({
    type: z.literal('control_response'),
    response: z.looseObject({
      subtype: z.string(),
      request_id: z.string(),
      response: z.unknown().optional(),
      error: z.string().optional(),
    }),
  }),
]);
export type CliMessage = z.infer<typeof CliMessage>;
export type CliMessageOf<T extends CliMessage['type']> = Extract<CliMessage, { type: T }>;
