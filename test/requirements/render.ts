// docs/REQUIREMENTS.md, from the list.
import type { Requirement } from './list.ts';

export const DOCUMENT_PATH = 'docs/REQUIREMENTS.md';

const CHAPTERS: Readonly<Record<string, string>> = {
  A: 'Processes',
  B: 'Prompts',
  C: 'Abort',
  D: 'Events, replay, reconnect',
  E: 'Ownership and placement',
  F: 'Approvals',
  G: 'Accounts and isolation',
  H: 'What the CLI says',
  I: 'Notifications',
  J: 'Clients',
  K: 'Operating it',
};

const HEAD = `# Requirements

What Holdfast must do, and how far it is. Written by \`npm run requirements\` from \`test/requirements/requirements.json\`;
edit that file, not this one.

- A test cites a row by its id in its title: \`[B-04]\`, or \`[A-06, A-12]\`.
- A row is **done** when a test that ran, was not skipped, passed and asserted something cites it. \`npm test\` checks
  this from the results of the run for the rows of the fast tier, \`npm run test:slow\` for those of the slow tier.
- A proof stands where it uses what the row is about: tests in the folders that run the real Claude Code CLI, a real
  Redis, real processes, a real browser or real containers ("needs"). The model may be the demo model.
- The list of pending rows (\`test/requirements/pending-baseline.json\`) may only shrink, and no row may go.
`;

export function renderDocument(requirements: readonly Requirement[]): string {
  const done = requirements.filter(({ state }) => state === 'done').length;
  const chapters = Object.entries(CHAPTERS).map(([letter, title]) => {
    const rows = requirements.filter(({ id }) => id.startsWith(letter));
    return `\n## ${letter}. ${title}\n\n| id | what | state | tier | needs |\n|---|---|---|---|---|\n${rows.map(renderRow).join('')}`;
  });
  return `${HEAD}\n${done} of ${requirements.length} rows are done.\n${chapters.join('')}`;
}

function renderRow({ id, text, state, tier, needs }: Requirement): string {
  const cells = [id, text.replaceAll('|', '\\|'), state, tier, needs.join(', ')];
  return `| ${cells.join(' | ')} |\n`;
}
