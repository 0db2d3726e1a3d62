import { z } from 'zod';

/** Longest text of one prompt, in characters. */
export const MAX_PROMPT_CHARS = 200_000;

const TextBlock = z.object({ type: z.literal('text'), text: z.string().max(MAX_PROMPT_CHARS) });

/** What a person sends: blocks in order. At least one block has text that is not blank. */
export const PromptContent = z.array(TextBlock).min(1).max(50);
export type PromptContent = z.infer<typeof PromptContent>;

/**
 * What becomes of a prompt that finds a turn running: it waits; it goes into the running turn; the turn is aborted
 * and it runs next; or it is refused (`prompt_busy`).
 */
export const WhenBusy = z.enum(['queue', 'steer', 'interrupt', 'reject']);
export type WhenBusy = z.infer<typeof WhenBusy>;

/** All text of a prompt, blocks joined by newlines. */
export function contentText(content: PromptContent): string {
  return content.map((block) => block.text).join('\n');
}

export function textContent(text: string): PromptContent {
  return [{ type: 'text', text }];
}
