// Plausible usage numbers: about one token for four characters, earlier messages counted as read from the cache.
import type { UsageOverride } from './grammar.ts';

/** The usage object of the API. `output_tokens` is set only where a marker fixes it. */
export interface Usage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens?: number;
}

const charsPerToken = 4;
const uncachedTokens = 4;

export function estimateTokens(chars: number): number {
  return Math.max(1, Math.ceil(chars / charsPerToken));
}

/** `newChars` is the size of the newest message, which cannot have been in the cache. */
export function estimateUsage(
  size: { readonly bodyChars: number; readonly newChars: number; readonly isFirstCall: boolean },
  override: UsageOverride,
): Usage {
  const total = estimateTokens(size.bodyChars);
  const fresh = size.isFirstCall ? total : Math.min(total, estimateTokens(size.newChars));
  return {
    input_tokens: override.input ?? Math.min(uncachedTokens, fresh),
    cache_creation_input_tokens: override.cache_creation ?? Math.max(0, fresh - uncachedTokens),
    cache_read_input_tokens: override.cache_read ?? total - fresh,
    ...(override.output === undefined ? {} : { output_tokens: override.output }),
  };
}
