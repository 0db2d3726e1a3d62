// `npm run requirements`: takes rows that are done off the baseline and writes docs/REQUIREMENTS.md.
import { writeFile } from 'node:fs/promises';
import { BASELINE_PATH, checkout, readBaseline, readList } from '../../test/requirements/list.ts';
import { DOCUMENT_PATH, renderDocument } from '../../test/requirements/render.ts';

const requirements = readList();
const isPending = new Set(requirements.filter(({ state }) => state === 'pending').map(({ id }) => id));
const pending = readBaseline().filter((id) => isPending.has(id));
await writeFile(new URL(BASELINE_PATH, checkout), `${JSON.stringify({ pending }, null, 2)}\n`);
await writeFile(new URL(DOCUMENT_PATH, checkout), renderDocument(requirements));
process.stdout.write(`${requirements.length - isPending.size} done, ${isPending.size} pending\n`);
