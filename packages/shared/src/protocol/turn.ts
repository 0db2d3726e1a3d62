import { z } from 'zod';

/** Why a turn ended. `aborted`: somebody asked for it; `failed`: the CLI or the model gave up. */
export const StopReason = z.enum([
  'end_turn',
  'max_tokens',
  'refusal',
  'stop_sequence',
  'max_turns',
  'max_budget',
  'aborted',
  'failed',
]);
export type StopReason = z.infer<typeof StopReason>;

/** Token counts of one turn or of a whole session, summed. */
export const TokenTotals = z.object({
  inputTokens: z.number().nonnegative(),
  outputTokens: z.number().nonnegative(),
  cacheReadTokens: z.number().nonnegative(),
  cacheCreationTokens: z.number().nonnegative(),
});
export type TokenTotals = z.infer<typeof TokenTotals>;

export const NO_TOKENS: TokenTotals = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
};
