// The fixed texts of the demo model.
import { examples } from './grammar.ts';

/** Given when a script has nothing left, for example after its last tool call. */
export const closingAnswer = 'Done. (Holdfast demo model)';

/** Given when the CLI asks for a summary to compact the conversation. */
export const compactionAnswer =
  '<summary>\nThe conversation so far was held with the Holdfast demo model, which is scripted.\n</summary>';

/** Given when the CLI asks for a title of the session. */
export const titleAnswer = '{"title": "Demo session"}';

const maxEchoChars = 120;

/** The answer to a prompt without markers. */
export function cannedAnswer(prompt: string): string {
  const words = prompt.trim().replaceAll(/\s+/gu, ' ');
  const cut = words.length > maxEchoChars;
  const echo = cut ? `${words.slice(0, maxEchoChars).trimEnd()}…` : words;
  return [
    `You wrote: "${echo}"`,
    'I am the Holdfast demo model: my answers are scripted, there is no AI behind me.',
    'To use a real model, set ANTHROPIC_API_KEY (or HOLDFAST_MODEL=real, with credentials in place) and restart `npm run up`.',
    'To see more of Holdfast with me, try the prompts `[[text count=200 rate=40]]` or `[[tool Bash {"command":"touch hello.txt"}]]`; docs/DEMO_MODEL.md lists all markers.',
  ].join('\n\n');
}

/** The answer to a prompt with a marker that cannot be used. */
export function wrongMarkerAnswer(wrong: { readonly marker: string; readonly problem: string }): string {
  return [
    `The demo model cannot use the marker \`${wrong.marker}\`: ${wrong.problem}.`,
    `The markers are, one example each:\n${examples.map((example) => `- \`${example}\``).join('\n')}`,
  ].join('\n\n');
}
