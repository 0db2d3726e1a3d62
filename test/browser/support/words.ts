// What the demo model's `text` marker streams: w0 w1 w2 …, so that a missing or doubled word is seen.
import type { Page } from 'playwright-core';

/** The numbered words on the page's last answer, in order. */
export async function wordsOn(page: Page): Promise<readonly number[]> {
  const texts = await page.getByRole('region', { name: 'Conversation' }).getByLabel('Agent').allInnerTexts();
  return [...texts.join(' ').matchAll(/\bw(\d+)\b/g)].map((match) => Number(match[1]));
}

export function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Whether these are w0 to wN, each once and in order: the beginning of the text, if not all of it. */
export function isUnbroken(words: readonly number[]): boolean {
  return words.every((word, index) => word === index);
}
