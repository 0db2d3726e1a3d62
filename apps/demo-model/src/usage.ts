// Plausible usage numbers: about one token for four characters; what came before the last answer is read from the cache.
import type { UsageOverride } from './grammar.ts';
import type { Message } from './request.ts';

/** The usage object of the API. `output_tokens` is set only where a marker fixes it. */
export interface Usage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens?: number;
}

const charsPerToken = 4;
const uncachedTokens = 4;
// Base64 data is not text: a picture costs the same whatever its file size.
const tokensPerAttachment = 1500;

export function tokensOf(chars: number): number {
  return Math.max(1, Math.ceil(chars / charsPerToken));
}

/** The input tokens of a whole call, from the size of its JSON text. */
export function estimateInputTokens(messages: readonly Message[], bodyChars: number): number {
  let chars = bodyChars;
  for (const data of messages.flatMap(attachments)) {
    chars += tokensPerAttachment * charsPerToken - data.length;
  }
  return tokensOf(chars);
}

export function estimateUsage(
  messages: readonly Message[],
  options: { readonly bodyChars: number; readonly override: UsageOverride },
): Usage {
  const total = estimateInputTokens(messages, options.bodyChars);
  const lastAnswer = messages.findLastIndex(({ role }) => role === 'assistant');
  const fresh = lastAnswer === -1 ? total : Math.min(total, sizeInTokens(messages.slice(lastAnswer + 1)));
  const { input, output, cache_creation, cache_read } = options.override;
  return {
    input_tokens: input ?? Math.min(uncachedTokens, fresh),
    cache_creation_input_tokens: cache_creation ?? Math.max(0, fresh - uncachedTokens),
    cache_read_input_tokens: cache_read ?? total - fresh,
    ...(output === undefined ? {} : { output_tokens: output }),
  };
}

type Block = Exclude<Message['content'], string>[number];
type InnerBlock = Exclude<Block['content'], string | undefined>[number];

function innerBlocks(block: Block): readonly InnerBlock[] {
  return Array.isArray(block.content) ? [block, ...block.content] : [block];
}

function attachments(message: Message): string[] {
  if (typeof message.content === 'string') return [];
  return message.content.flatMap(innerBlocks).flatMap(({ source }) => source?.data ?? []);
}

function sizeInTokens(messages: readonly Message[]): number {
  let chars = messages.flatMap(attachments).length * tokensPerAttachment * charsPerToken;
  for (const { content } of messages) {
    if (typeof content === 'string') chars += content.length;
    else {
      for (const block of content) {
        if (typeof block.content === 'string') chars += block.content.length;
        for (const { text = '' } of innerBlocks(block)) chars += text.length;
      }
    }
  }
  return tokensOf(chars);
}
