// docs/CLI_FACTS.md and the tests name the same facts, in the same words.
import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const here = new URL('.', import.meta.url);

async function testedFacts(): Promise<string[]> {
  const files = (await readdir(here)).filter((name) => name.endsWith('.test.ts'));
  const sources = await Promise.all(files.map((name) => readFile(new URL(name, here), 'utf8')));
  return sources.flatMap((source) =>
    Array.from(source.matchAll(/test\('(\d+\.\d+ [^']+)'/gu), ([, title = '']) => title),
  );
}

async function documentedFacts(): Promise<string[]> {
  const page = await readFile(new URL('../../docs/CLI_FACTS.md', here), 'utf8');
  const [facts = ''] = page.split('## Newer versions');
  return Array.from(facts.matchAll(/^\| (\d+\.\d+ [^|]+) \|/gmu), ([, title = '']) =>
    title.replaceAll('`', '').trim(),
  );
}

test('every fact of docs/CLI_FACTS.md has a test of its name, and every test a fact', async () => {
  const tested = await testedFacts();
  expect((await documentedFacts()).toSorted()).toEqual(tested.toSorted());
  expect(new Set(tested).size).toBe(tested.length);
});
