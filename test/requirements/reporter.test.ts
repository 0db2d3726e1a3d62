// The reporter on a real vitest run of its own: what counts as proof comes from the runner, not from the text.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { Proof } from './proofs.ts';

const execute = promisify(execFile);
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const SAMPLE = `
import { describe, expect, it } from 'vitest';
describe('suite [A-01]', () => {
  it('asserts', () => expect(1).toBe(1));
  it('asserts by its own expect [A-02]', ({ expect }) => expect(1).toBe(1));
  it('asserts nothing [A-03]', () => {});
  it.skip('is skipped [A-04]', () => expect(1).toBe(1));
  it('skips itself [A-05]', (context) => { expect(1).toBe(1); context.skip(); });
  it.todo('is planned [A-06]');
  it('fails [A-07]', () => expect(1).toBe(2));
  it.fails('is expected to fail [A-08]', () => expect(1).toBe(2));
  it.concurrent('asserts beside another [B-01]', async ({ expect }) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(1).toBe(1);
  });
  it.concurrent('asserts nothing beside another [B-02]', async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
  });
});
it('cites nothing', () => expect(1).toBe(1));
`;

let folder: string;
let proofs: readonly Proof[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-reporter-'));
  await symlink(here('../../node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const config = { test: { setupFiles: [here('count-assertions.ts')] } };
  await writeFile(join(folder, 'vitest.config.js'), `export default ${JSON.stringify(config)};`);
  await writeFile(join(folder, 'sample.test.js'), SAMPLE);
  const file = join(folder, 'proofs.json');
  const args = [here('../../node_modules/vitest/vitest.mjs'), 'run', `--reporter=${here('reporter.ts')}`];
  const env = { ...process.env, TEST_PROOFS_FILE: file };
  // One of the tests fails on purpose, so the run ends with 1.
  await execute(process.execPath, args, { cwd: folder, env }).catch(() => {});
  proofs = z.array(Proof).parse(JSON.parse(await readFile(file, 'utf8')));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

it('tests that ran, passed and asserted are proofs, and no others', () => {
  expect(proofs.map(({ ids }) => ids.join(' '))).toEqual(['A-01', 'A-01 A-02', 'A-01 B-01']);
  expect(proofs.every(({ file }) => file.endsWith('/sample.test.js'))).toBe(true);
});
